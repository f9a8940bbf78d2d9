"""From codes and actions to what a transition starts from, in NumPy."""
