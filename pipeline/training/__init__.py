"""Stage 2, from a dataset file to a trained world model."""
