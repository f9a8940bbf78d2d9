"""What a dataset file or a run is, told to the person."""
