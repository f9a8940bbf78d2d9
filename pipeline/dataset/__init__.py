"""Dataset files: their format, their checks, and the cache of them in data/."""
