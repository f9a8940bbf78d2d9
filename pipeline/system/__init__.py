"""Errors, interruption, locks, memory, processes: nothing of the project's subject."""
