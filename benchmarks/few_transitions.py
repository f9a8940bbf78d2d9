"""How many transitions it takes until a world model is exact.

    python benchmarks/few_transitions.py rules            ours: rules found, then trained
    python benchmarks/few_transitions.py gradient         the same network without rules, by gradient descent alone
    python benchmarks/few_transitions.py recipes          both published recipes, on the cube
    python benchmarks/few_transitions.py rules sokoban    of one puzzle alone
    python benchmarks/few_transitions.py draw             the picture, of what is recorded

Each case trains by the documented command on a dataset of its own and ends with the full measure of `evaluate`. Ours
begins with few transitions and takes more until all three keys are exact at two sizes in a row; the others get one key
and about ten times as long. What is recorded isn't measured again: delete results/few_transitions.json to begin anew.
Writes docs/few_transitions.png; the runs are in models/few_transitions/.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables
from pipeline.command_line.cli import main as run_command
from pipeline.pictures.drawing import pyplot

ROOT = Path(__file__).resolve().parents[1]
FOLDER, PICTURE = ROOT / "models" / "few_transitions", ROOT / "docs" / "few_transitions.png"
PUZZLES = {  # the puzzle, the world model, the first sizes that are tried with rules
    "slidepuzzle": ("slidepuzzle", (100, 300, 1000, 3000)),
    "slidepuzzle_3x3": ("slidepuzzle", (100, 300, 1000, 3000)),
    "rubikscube": ("rubikscube", (300, 1000, 3000, 10_000)),
    "lightsout": ("lightsout", (300, 1000, 3000, 10_000)),
    "sokoban": ("sokoban", (300, 1000, 3000, 5000, 10_000)),
}
KEYS, LONG_SIZES = (0, 1, 2), (1000, 10_000, 100_000)
STEPS = {"rubikscube": 6000, "lightsout": 6000, "slidepuzzle": 3000, "slidepuzzle_3x3": 3000, "sokoban": 1500}
RECIPES, RECIPE_STEPS, BATCH = ("deepcubeai", "jaxtar"), 300, 1000
LIMITS = (70, 150_000)  # of the picture, in transitions
KEPT = ("verdict", "one_step_exact", "unknown_steps", "transitions")


def name_of(way: str, puzzle: str, size: int, key: int) -> str:
    """Name a row."""
    return f"{way}, {puzzle}, {size:,} transitions, key {key}"


def measure(way: str, puzzle: str, world_model: str, size: int, key: int, epochs: int) -> dict:
    """Train and evaluate one case, unless it is recorded; gives its figures."""
    name = name_of(way, puzzle, size, key)
    if recorded := evidence.read("few_transitions").get(name):
        return recorded["figures"]
    run = FOLDER / name.replace(", ", "-").replace(" ", "_")
    words = ["--data_dir", str(FOLDER / "data"), "--output_dir", str(run), "--dataset", puzzle]
    words += ["--dataset_size", str(size), "--key", str(key), "--world_model", world_model]
    training = ["--train_epochs", str(epochs), "--mini_batch_size", str(min(BATCH, size)), "--retrain"]
    began = time.perf_counter()
    assert run_command(["world_model_train", "train", *words, *training]) == 0
    seconds = round(time.perf_counter() - began, 1)
    assert run_command(["world_model_train", "evaluate", *words]) == 0
    metrics = json.loads((run / "metrics.json").read_text())
    rollout = metrics["rollout"]
    figures = {
        "way": way, "puzzle": puzzle, "size": size, "key": key, "seconds": seconds, "epochs": epochs,
        **{kept: metrics[kept] for kept in KEPT},
        "open_loop": [rollout["steps_all_exact"], rollout["steps"], rollout["episodes"]],
        "states": metrics["identity"]["states"],
    }  # fmt: skip
    known = list(evidence.read("few_transitions"))
    evidence.record("few_transitions", {name: figures}, among=[*known, name])
    return figures


def with_rules(puzzle: str) -> None:
    """Take more transitions until all keys are exact at two sizes in a row."""
    world_model, sizes = PUZZLES[puzzle]
    in_a_row = 0
    for size in sizes:
        verdicts = [measure("rules", puzzle, world_model, size, key, 5)["verdict"] for key in KEYS]
        in_a_row = in_a_row + 1 if verdicts == ["exact"] * len(KEYS) else 0
        if in_a_row == 2:
            return


def by_gradient(puzzle: str) -> None:
    """Train the same network without rules, for so many steps whatever the size."""
    from pipeline.training import fit  # TensorFlow, which takes seconds

    found, fit.with_found_rules = fit.with_found_rules, lambda model, *rest: model
    try:
        for size in LONG_SIZES:
            measure("gradient", puzzle, PUZZLES[puzzle][0], size, 0, max(1, STEPS[puzzle] * BATCH // max(size, BATCH)))
    finally:
        fit.with_found_rules = found


def by_recipes(puzzle: str) -> None:
    """Train both published recipes."""
    for recipe in RECIPES:
        for size in LONG_SIZES:
            measure(recipe, puzzle, recipe, size, 0, max(1, RECIPE_STEPS * BATCH // max(size, BATCH)))


def draw() -> None:
    """Draw the share of unseen steps that are exact over the number of transitions."""
    rows = [row["figures"] for row in evidence.read("few_transitions").values()]
    plt = pyplot()
    figure, axes = plt.subplots(1, len(PUZZLES), figsize=(2.6 * len(PUZZLES), 2.8), sharey=True, layout="constrained")
    colours = {"rules": "C0", "gradient": "C1", "deepcubeai": "C2", "jaxtar": "C3"}
    for axis, puzzle in zip(axes, PUZZLES):
        for way, colour in colours.items():
            shown = sorted((row["size"], 100 * row["one_step_exact"]) for row in rows
                           if (row["way"], row["puzzle"]) == (way, puzzle))  # fmt: skip
            if shown:
                sizes = sorted({size for size, _ in shown})
                lowest = [min(share for at, share in shown if at == size) for size in sizes]
                axis.plot(sizes, lowest, color=colour, label=way, zorder=2 if way == "rules" else 1)
                axis.plot(*zip(*shown), ".", color=colour, zorder=3)
        axis.set(title=puzzle, xscale="log", xlabel="transitions", ylim=(-3, 103), xlim=LIMITS)
        axis.set_xticks([100, 1000, 10_000, 100_000], ["100", "1,000", "10,000", "100,000"], fontsize=8)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("unseen steps exact, %")
    axes[PLACE_OF_LEGEND].legend(fontsize=8)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})
    print(PICTURE)


WAYS = {"rules": with_rules, "gradient": by_gradient, "recipes": by_recipes}
PLACE_OF_LEGEND = list(PUZZLES).index("rubikscube")  # where all ways are


def main(way: str = "", *chosen: str) -> int:
    """Measure by one way and draw the picture."""
    if way not in (*WAYS, "draw") or any(puzzle not in PUZZLES for puzzle in chosen):
        print(f"first {', '.join(WAYS)} or draw, then of {', '.join(PUZZLES)}. Received: {' '.join([way, *chosen])}")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for puzzle in chosen or (["rubikscube"] if way == "recipes" else PUZZLES) if way != "draw" else ():
        WAYS[way](puzzle)
    draw()
    print(tables.few_transitions())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
