"""Stage 1 by itself, from dataset options to a dataset file: `python main.py world_model_train generate`."""

import sys

if __name__ == "__main__":
    from pipeline.system.interruption import quiet_while_loading

    quiet_while_loading()
    from pipeline.command_line.cli import main

    sys.exit(main(sys.argv[1:], "python generate.py", ("world_model_train", "generate")))
