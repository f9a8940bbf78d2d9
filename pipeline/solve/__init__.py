"""The command that plans in a run's learned world, and the one that makes problems for it."""
