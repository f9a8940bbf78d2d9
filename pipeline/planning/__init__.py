"""Plans in a learned world: its transition as integer tables, and the searches that its tables allow."""
