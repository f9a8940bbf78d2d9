"""The installed command `world-model-train`, the same as `python main.py world_model_train`."""

import sys


def main() -> int:
    """Run the command line of this process; gives the exit code."""
    from .system.interruption import quiet_while_loading

    quiet_while_loading()
    from .command_line import cli

    return cli.main(sys.argv[1:], "world-model-train", ("world_model_train",))


if __name__ == "__main__":
    sys.exit(main())
