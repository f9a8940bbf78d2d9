"""From the command line to a job: every option once, and the refusal of what can't be."""
