"""What a trained world model is worth, measured beside the true puzzle on states that training never saw."""
