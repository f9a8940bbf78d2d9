"""Stage 2 by itself, from a dataset to a trained world model: `train` without the measurement at its end."""

import sys

if __name__ == "__main__":
    from pipeline.system.interruption import quiet_while_loading

    quiet_while_loading()
    from pipeline.command_line.cli import main

    sys.exit(main(sys.argv[1:], "python train.py", ("world_model_train", "train"), parts=1))
