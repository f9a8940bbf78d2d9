"""From frames to a code: lattices, parts, bits, in NumPy and SciPy."""
