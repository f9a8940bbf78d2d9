"""All measurements of a world model together: as a dictionary, as a table, as drawing."""

from dataclasses import dataclass

import h5py
import numpy as np

from ..pictures import drawing
from ..runs.folder import Run
from .code_use import measure_code_use
from .exhaustive import prove
from .identity import measure_identity
from .one_step import measure_walk
from .overlap import measure_seen
from .robustness import measure_robustness
from .rollout import MILESTONES, Rollout, measure_rollout, roll_out
from .subject import Subject

SHOWN = 6  # transitions in the strip


@dataclass(frozen=True)
class Effort:
    """How much to measure; the options of `evaluate` have the same names."""

    episodes: int
    steps: int
    states: int
    exhaustive: bool = False


QUICK = Effort(episodes=10, steps=1000, states=20_000)  # what training ends with


def measure(subject: Subject, file: h5py.File, effort) -> tuple[dict, Rollout]:
    """Measure everything on a dataset and beyond it; gives the metrics and the rollout they come from."""
    walk = file["evaluation"]
    metrics = measure_walk(subject, walk) | measure_seen(file)
    rollout = roll_out(subject, effort.episodes, effort.steps)
    metrics["rollout"] = measure_rollout(subject, rollout)
    metrics["identity"] = measure_identity(subject, effort.states)
    metrics["robustness"] = measure_robustness(subject, walk)
    metrics["code_use"] = measure_code_use(subject)
    if effort.exhaustive:
        metrics["proof"] = prove(subject)
    return metrics, rollout


def table(metrics: dict, indent: str = "  ") -> str:
    """Write metrics as lines, groups indented under their names."""
    lines = []
    for name, value in metrics.items():
        if (isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values())) or name in GROUPS:
            lines += [f"{indent}{name}", table(value, indent + "  ")]
        elif isinstance(value, dict):
            lines.append(f"{indent}{name:20} " + "  ".join(f"{key}: {_number(inner)}" for key, inner in value.items()))
        else:
            lines.append(f"{indent}{name:20} {_number(value)}")
    return "\n".join(lines)


GROUPS = ("rollout", "identity", "robustness", "code_use", "proof", "environment")


def _number(value) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}"


def draw(subject: Subject, file: h5py.File, rollout: Rollout, run: Run):
    """Draw single steps of the unseen walk, and an episode of the rollout: the truth and the dream."""
    walk, names = file["evaluation"], file.attrs["action_names"]
    chosen = np.linspace(0, len(walk["actions"]) - 1, SHOWN).astype(int)
    actions, frames = walk["actions"][:][chosen], walk["frames"][:][chosen]
    before = np.stack([walk["images"][frame] for frame in frames.tolist()])
    after = np.stack([walk["images"][frame + 1] for frame in frames.tolist()])
    predicted = subject.model.decode(subject.step(subject.encode(before), actions))
    drawing.strip(before, [names[action] for action in actions], predicted, after, run.strip)
    steps = [0, *(step for step in MILESTONES if step < len(rollout.states))]
    truth = subject.puzzle.render(rollout.states[steps, 0], subject.img_size)
    drawing.dream(steps, truth, subject.model.decode(rollout.codes[steps, 0]), rollout.exact, run.dream)
