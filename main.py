"""The command line: `python main.py world_model_train train --help` says what it takes."""

import sys

from pipeline.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
