"""What the figures of `metrics.json` mean, as the code that measures them says, and what is good: `explain METRIC`."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..command_line.options import ExplainCommand
from ..evaluation.chance import measure_chance
from ..evaluation.code_use import measure_code_use
from ..evaluation.exhaustive import prove
from ..evaluation.identity import measure_identity
from ..evaluation.one_step import measure_walk
from ..evaluation.outcome import measure_outcome
from ..evaluation.overlap import measure_overlap
from ..evaluation.report import measure
from ..evaluation.robustness import measure_robustness
from ..evaluation.rollout import measure_rollout
from ..system.errors import UserError, did_you_mean, shown

MEASURED_BY: dict[str, tuple[Callable, ...]] = {  # the groups of metrics.json, the outermost without a name
    "": (measure, measure_walk, measure_overlap),
    "outcome": (measure_outcome,),
    "rollout": (measure_rollout,),
    "identity": (measure_identity,),
    "robustness": (measure_robustness,),
    "code_use": (measure_code_use,),
    "chance": (measure_chance,),
    "proof": (prove,),
}
ALL, NONE, SMALL = "1, all of them", "0, none", "as near to 0 as rounding lets it be"
GOOD = {
    "verdict": "exact",
    "one_step_exact": ALL,
    "bit_match": "1; a high share says little, for most bits don't change in a step: one_step_exact does",
    "bit_match_lowest": ALL,
    "reconstruction_mse": SMALL,
    "one_step_by_change": "exact as many as steps, for every kind",
    "one_step_by_pair": "exact as many as steps, for both",
    "unknown_steps": "0: nothing was guessed",
    "distinct_codes": "as many as distinct_states",
    "told_apart": ALL,
    "true_pictures": ALL,
    "pixel_error": "at most pixel_bound",
    "exact_where_certain": ALL,
    "true_state": ALL,
    "true_next_state": ALL,
    "walk_states_seen_in_training": "few, for so much the more the unseen walk says; in a small world nearly all",
    "outcome.rewards_right": ALL,
    "outcome.ends_right": ALL,
    "outcome.unusual_right": "as many as unusual_steps",
    "outcome.uncertain_steps": "0: the picture shows all that decides",
    "outcome.wrong_steps": NONE,
    "rollout.exact_at": "1 at every step",
    "rollout.true_state_at": "1 at every step",
    "rollout.steps_all_exact": "as many as steps",
    "rollout.episodes_all_exact": "as many as episodes",
    "rollout.first_failure": "null, none",
    "rollout.by_change": "exact as many as steps, for every kind",
    "rollout.by_change_late": "exact as many as steps, for every kind",
    "rollout.mse_mean": SMALL,
    "rollout.mse_median": SMALL,
    "rollout.mse_max": SMALL,
    "identity.shared_codes": NONE,
    "identity.two_ways_one_code": ALL,
    "identity.inverse_returns": ALL,
    "robustness.exact_codes": "1 up to the noise that your pictures have",
    "robustness.exact_steps": "1 up to the noise that your pictures have",
    "code_use.constant_bits": "0; a bit that never changes tells nothing",
    "code_use.entropy": "little more than least_bits: a code that wastes nothing",
    "chance.ambiguous_pairs": "0: the picture shows all that decides",
    "chance.ambiguous_steps": NONE,
    "chance.bound": "1; one_step_exact can't be above it",
    "proof.wrong_transitions": NONE,
    "proof.shared_codes": NONE,
    "proof.misread_states": NONE,
    "proof.wrong_pictures": NONE,
    "proof.proven": "true",
}
WIDTH = 100


@dataclass(frozen=True)
class Metric:
    """A figure: its name with that of its group, what it means, and what is good; "" where nothing is."""

    name: str
    meaning: str
    good: str


def explain(options: ExplainCommand) -> None:
    """Say what a figure means and what is good; all of them where none is named.

    Raises:
        UserError: There is no such figure.
    """
    known = metrics()
    wanted = [name for name in known if options.metric in (None, name, *name.split("."))]
    if not wanted:
        names = sorted({part for name in known for part in (name, name.rpartition(".")[2])})
        raise UserError(
            f"--metric must be a figure of metrics.json, or a group of them{did_you_mean(options.metric or '', names)} "
            f"Received: --metric {shown(options.metric)}"
        )
    print("\n".join(line for name in wanted for line in _lines(known[name])))


def metrics() -> dict[str, Metric]:
    """Give all figures by their names, group.name for those in a group."""
    found = {}
    for group, functions in MEASURED_BY.items():
        for function in functions:
            for name, meaning in _returned(function):
                full = f"{group}.{name}" if group else name
                found[full] = Metric(full, meaning, GOOD.get(full, ""))
    return found


def _returned(function: Callable) -> Iterator[tuple[str, str]]:
    """Yield what a function's docstring says of each entry of the dictionary that it gives."""
    section = (inspect.getdoc(function) or "").partition("Returns:")[2].split("\n\n")[0]
    for entry in re.split(r"\n {4}(?=\S)", section):  # what is indented further goes on
        names, _, meaning = " ".join(entry.split()).partition(": ")
        if re.fullmatch(r"\w+(, \w+)*", names):
            yield from ((name, meaning) for name in names.split(", "))


def _lines(metric: Metric) -> list[str]:
    good = [f"good: {metric.good}"] if metric.good else []
    wrapper = textwrap.TextWrapper(WIDTH, initial_indent="  ", subsequent_indent="    ")
    return [metric.name, *(line for text in (metric.meaning, *good) for line in wrapper.wrap(text))]
