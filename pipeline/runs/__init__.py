"""The folder of a run: what it holds, whose it is, whether it is whole."""
