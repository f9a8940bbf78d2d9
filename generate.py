"""Stage 1 by itself, from dataset options to a dataset file: `python main.py world_model_train generate`."""

import sys

from pipeline.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], "generate.py", ("world_model_train", "generate")))
