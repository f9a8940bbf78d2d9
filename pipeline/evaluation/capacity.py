"""Whether an evaluation fits in memory: found out before it starts."""

from ..system.memory import check_memory
from .report import Effort
from .subject import Subject

STATE_BYTES = 48  # of one of many distinct states and its code, both as numbers, while they are compared


def check_effort(subject: Subject, effort: Effort) -> None:
    """Make sure that as much as is asked for can be measured.

    Raises:
        UserError: It can't; says what could.
    """
    each_step = effort.episodes * (subject.model.bits + subject.puzzle.state_size + 2)
    check_memory(
        "the open-loop rollout", effort.steps * each_step,
        lambda free: f"--steps {max(1, free // each_step)} or fewer --episodes would fit",
        f"--steps {effort.steps} --episodes {effort.episodes}",
    )  # fmt: skip
    states = min(effort.states, subject.puzzle.state_count or effort.states)
    check_memory(
        "comparing states", states * STATE_BYTES,
        lambda free: f"--states {max(1, free // STATE_BYTES)} would fit", f"--states {effort.states}",
    )  # fmt: skip
