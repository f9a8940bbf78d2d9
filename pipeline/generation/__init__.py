"""Stage 1, from options to a dataset file."""
