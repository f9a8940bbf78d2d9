"""What others bring, each kind of source in a file of its own. `opening.py` opens what `--dataset` names."""
