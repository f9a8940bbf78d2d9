"""How the person calls the program: by the project's scripts, or by the installed command."""

INSTALLED = not __name__.startswith("pipeline.")  # under the project's own import name
PROGRAM = "world-model-train" if INSTALLED else "python main.py world_model_train"
