"""From a puzzle's name to a trained discrete world model: the two stages and what they share."""
