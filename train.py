"""Stage 2 by itself, from a dataset to a trained world model: `python main.py world_model_train train`."""

import sys

from pipeline.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], "train.py", ("world_model_train", "train")))
