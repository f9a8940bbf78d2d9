"""All measurements of a world model together: as a dictionary, as a table, as pictures."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..command_line.options import EvaluateOptions
from ..pictures import drawing
from ..rules.outcomes import Outcomes
from .chance import certain_outcomes, measure_chance
from .code_use import measure_code_use
from .exhaustive import prove
from .held_out import measure_seen_identity, roll_out_episodes
from .identity import measure_identity
from .one_step import measure_walk
from .outcome import measure_outcome
from .overlap import measure_overlap, seen_pairs
from .robustness import measure_robustness
from .rollout import MILESTONES, Rollout, measure_rollout, roll_out
from .subject import Subject
from .verdict import verdict

NEEDS = {  # what each thing that a world may lack is needed for
    "states": ("identity.two_ways", "proof"),
    "step": ("rollout beyond the held-out episodes", "identity.two_ways", "proof"),
    "read": ("true_state", "true_next_state", "rollout.true_state_at", "proof.misread_states"),
    "inverse": ("identity.inverse_returns",),
    "all_states": ("proof",),
}
LIVE_SHARE = 10  # of so many steps an environment is walked for one: most draw a few hundred pictures a second
STATES_FOR_A_PROBE = 10  # that are encoded; a probe is a state or frame for what one needn't look at all of them for
FEWEST_PROBES, MOST_PROBES = 1000, 20_000
DECODED_FOR_A_PROBE = 5  # pictures of rollouts
SHOWN = 6  # transitions in the strip
FIRST = ("one_step_exact", "bit_match", "reconstruction_mse")  # beside the verdict
DIGITS = 3  # of squared errors, whose further ones differ between processors
NOISE_FLOOR = 12  # decimals of them: what is smaller is the rounding of float32


@dataclass(frozen=True)
class QuickEffort:
    """How much is measured at the end of `train`; the options of `evaluate` have the same names."""

    episodes: int = 100
    steps: int = 300
    states: int = 20_000
    exhaustive: bool = False


Effort = EvaluateOptions | QuickEffort


def measure(
    subject: Subject, file: h5py.File, effort: Effort, outcomes: Outcomes | None = None, is_own: bool = True
) -> tuple[dict[str, Any], Rollout]:
    """Measure everything on a dataset and beyond it; gives the metrics and the rollout they come from.

    Args:
        outcomes: What the run tells of rewards and ends, where its data had them.
        is_own: Whether the model was trained on this dataset.

    Returns:
        verdict: What the model is worth: exact, nothing that was measured is wrong; nearly; or useless.
        left_out: What isn't measured of this world, by what it lacks.
        dataset_digest, model_digest: SHA-256 over what was measured.
    """
    walk, probes = file["test"], min(max(FEWEST_PROBES, effort.states // STATES_FOR_A_PROBE), MOST_PROBES)
    chance, certain = measure_chance(file) if "source" in file.attrs else (None, None)
    tell = partial(measure_outcome, walk, outcomes, certain_outcomes(file)) if outcomes else None
    metrics, judged = measure_walk(subject, walk, certain, seen_pairs(file) if is_own else None, tell)
    if chance:
        metrics["chance"] = chance
    metrics |= measure_overlap(file)
    if subject.is_live:
        rollout = roll_out(subject, effort.episodes, effort.steps, DECODED_FOR_A_PROBE * probes)
        identity = measure_identity(subject, effort.states, probes)
    else:
        rollout = _roll_out_seen(subject, walk, effort)
        identity = measure_seen_identity(subject, file, effort.states)
    metrics["rollout"] = measure_rollout(subject, rollout)
    metrics["identity"] = identity
    metrics["robustness"] = measure_robustness(subject, walk, judged, probes)
    metrics["code_use"] = measure_code_use(subject, probes, walk)
    if effort.exhaustive:
        metrics["proof"] = prove(subject)
    if subject.puzzle.lacks:
        metrics["left_out"] = left_out(subject.puzzle.lacks)
    first = {name: metrics[name] for name in FIRST}
    return rounded({**first, "verdict": verdict(metrics), **metrics}), rollout


def _roll_out_seen(subject: Subject, walk: h5py.Group, effort: Effort) -> Rollout:
    """Dream new episodes of a world that can be walked, else those of the unseen walk."""
    walker = getattr(subject.puzzle, "walk", None)
    if walker is None:
        return roll_out_episodes(subject, walk, effort.episodes, effort.steps)
    with walker(effort.episodes, max(1, effort.steps // LIVE_SHARE)) as live:
        rollout = roll_out_episodes(subject, live, effort.episodes, effort.steps)
        steps = [0, *(step for step in MILESTONES if step < len(rollout.states))]
        shown = dict(zip(steps, rollout.true_pictures(steps)))  # while they are there
    return replace(rollout, true_pictures=lambda steps: np.stack([shown[step] for step in steps]))


def left_out(lacks: Iterable[str]) -> dict[str, str]:
    """Name what isn't measured of a world, by what it lacks."""
    return {part: ", ".join(NEEDS[part]) for part in lacks if part in NEEDS}


def rounded(metrics: dict[str, Any]) -> dict[str, Any]:
    """Cut squared errors to the digits that are the same on every processor; counts and shares stay as they are."""
    return {
        name: rounded(value) if isinstance(value, dict) else _figure(name, value) for name, value in metrics.items()
    }


def _figure(name: str, value: Any) -> Any:
    if "mse" in name and isinstance(value, float):
        return float(f"{round(value, NOISE_FLOOR):.{DIGITS}g}")
    return float(f"{value:.6g}") if name in ("entropy", "pixel_bound") else value


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


GROUPS = ("outcome", "rollout", "identity", "robustness", "code_use", "proof", "left_out", "environment")


def _number(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}"


def draw(subject: Subject, file: h5py.File, rollout: Rollout, strip: Path, dream: Path) -> None:
    """Draw single steps of the unseen walk, and an episode of the rollout: the truth and the dream."""
    walk, names = file["test"], file.attrs["action_names"]
    actions, frames, states = walk["actions"][:], walk["frames"][:], walk["states"][:]
    chosen = _some_of_each(subject.puzzle.kind_of(states[frames], states[frames + 1]))
    actions, frames = actions[chosen], frames[chosen]
    before = np.stack([walk["images"][frame] for frame in frames.tolist()])
    after = np.stack([walk["images"][frame + 1] for frame in frames.tolist()])
    predicted = subject.model.decode(subject.step(subject.encode(before), actions))
    drawing.strip(before, [names[action] for action in actions], predicted, after, strip)
    steps = [0, *(step for step in MILESTONES if step < len(rollout.states))]
    dreamed = subject.model.decode(rollout.codes[steps, rollout.shown])
    drawing.dream(steps, rollout.true_pictures(steps), dreamed, rollout.exact, dream, rollout.happened)


def _some_of_each(kinds: np.ndarray) -> np.ndarray:
    """Choose SHOWN transitions by their kinds (N,), as many of each kind as of the others, from all over the walk."""
    present = np.unique(kinds)
    counts = [len(part) for part in np.array_split(np.arange(SHOWN), len(present))]
    places = [np.flatnonzero(kinds == kind) for kind in present]
    return np.concatenate([of[np.linspace(0, len(of) - 1, count).astype(int)] for of, count in zip(places, counts)])
