"""What a dataset file, a run or a source is, told to the person."""
