"""From arrays to PNG files."""
