"""From a start and a goal to a plan: which search a world allows, and the search."""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from threading import RLock
from typing import Any

import numpy as np

from ..rules.outcomes import Outcomes
from ..system.hashing import number_rows
from .beam import Beam, Problem, Scores, widening
from .best_first import BestFirst
from .breadth import GUESSED, Deadline, Layers, Unsolved, meet
from .elimination import Elimination
from .pieces import PieceWorld
from .searches import AUTO
from .symmetries import Symmetry, symmetries
from .task import Task
from .worlds import BitWorld, BoardWorld, CodeWorld, EndingWorld, World, compile_world

MOST_STATES = 20_000_000  # of a space that is searched as a whole
WALKS, STEPS = 50, 20  # on which a compiled world is compared with its model

SYMMETRIES = 2  # under which a problem of pieces is looked at
BATCH = 2**12  # states that A* and Q* look at at a time

Learn = Callable[[Task], Scores]  # a `Task` to its heuristic
Search = Callable[[Deadline], tuple[list[int] | None, bool, int]]


@dataclass(frozen=True)
class Plan:
    """What a search came to.

    Attributes:
        actions: Numbers of actions that lead from start to goal; None where none were found.
        status: `solved`; `impossible`, which is proved; or `unsolved`.
        optimal: Whether it is proved that no plan is shorter.
        seconds: That it took.
        states: How many were looked at.
        method: How it was found, in words.
        ended_by: Why it is unsolved, in words.
    """

    actions: list[int] | None
    status: str
    optimal: bool
    seconds: float
    states: int
    method: str
    ended_by: str = ""


class Planner:
    """Plans in the world of a model, with nothing but the model.

    Args:
        model: A loaded world model.
        actions: How many actions it has.
        learn: Gives the heuristic for a task, for spaces too large to be searched as a whole; without it there is none.
        width: Of the beam; by default as wide as the time allows. Of A* and Q*: states at a time.
        search: One of `SEARCHES`.
        weight: Of the steps so far, in A* and Q*.
        is_certain: Whether all steps are rules or known, and none is chance; else nothing is proved.
    """

    def __init__(
        self, model: Any, actions: int, learn: Learn | None = None, width: int | None = None, search: str = AUTO,
        weight: float = 1.0, is_certain: bool = True,
    ):  # fmt: skip
        self.model, self.count, self.learn, self.width = model, actions, learn, width
        self.learns = learn is not None
        self.search, self.weight, self.is_certain = search, weight, is_certain
        self.at_once = 1  # searches, which share the memory
        self._tasks: dict[bytes, Task] = {}
        self._scores: dict[bytes, Scores | None] = {}
        self._alone = RLock()  # held by what uses all cores, or makes what other problems use too
        self.world = compile_world(model, actions)
        self.pieces: PieceWorld | None = None
        self.elimination: Elimination | None = None
        self._complete: tuple[bytes, Layers] | None = None
        if isinstance(self.world, BitWorld) and self.world.only_flips:
            self.elimination = Elimination(self.world.flipped)
        elif isinstance(self.world, BitWorld) and self.world.goes_back and not self.world.flipped.any():
            self.pieces = _pieces_of(self.world)

    def __getstate__(self):
        """Leave out the model, which only `check` and learning need, and what is large and made anew elsewhere."""
        left_out = {"model": None, "learn": None, "_alone": None, "_complete": None}
        return self.__dict__ | left_out

    def __setstate__(self, state):
        self.__dict__ = state | {"_alone": RLock()}

    def check(self, codes: np.ndarray) -> tuple[int, float]:
        """Compare the compiled world with the model on walks from codes (N, B); where they differ the model counts.

        Returns:
            How many steps were compared, and how many states a second the compiled world gives.
        """
        rng, compared = np.random.default_rng(0), 0
        now = codes[rng.integers(len(codes), size=min(WALKS, 5 * len(codes)))]
        for _ in range(STEPS):
            chosen = rng.integers(self.count, size=len(now))
            after = self.model.step(now, chosen)
            compared += len(now)
            if not self._agrees(now, chosen, after):
                self.world = CodeWorld(self.model.step, self.count, self.model.bits, "the network itself")
                self.pieces = self.elimination = None
                break
            now = after
        world: World = self.pieces or self.world
        states = np.tile(self.pieces.homes if self.pieces else self.world.read(codes[:1])[0], (2000, 1))
        begun = time.perf_counter()
        found = len(world.children(states).states)
        return compared, found / (time.perf_counter() - begun)

    def _agrees(self, codes: np.ndarray, actions: np.ndarray, after: np.ndarray) -> bool:
        """Tell whether the compiled world leads from codes (N, B) by actions (N,) to codes (N, B)."""
        try:
            said, expected = self.world.read(codes).copy(), self.world.read(after)
        except ValueError:
            return False
        moves = self.world.children(said)
        chosen = moves.actions == actions[moves.rows]
        said[moves.rows[chosen]] = moves.states[chosen]
        return bool((said == expected).all())

    def unfit(self, codes: np.ndarray) -> str:
        """Say why codes (N, B) can't be those of a start or goal; empty where they can."""
        try:
            self.world.read(codes)
        except ValueError as error:
            return str(error)
        return ""

    def differ_for_ever(self, start: np.ndarray, goal: np.ndarray) -> str:
        """Say why no actions lead from a start (B,) to a goal (B,), if that can be seen at once; else nothing."""
        return self.world.differs_for_ever(*self.world.read(np.stack([start, goal])))

    @property
    def steps_by_network(self) -> bool:
        """Whether a step asks the model, so that this can't be sent to another process."""
        return isinstance(self.world, CodeWorld) and self.world.step == self.model.step

    def search_unfit(self, goals: int) -> str:
        """Say why the search that was asked for isn't one for so many goals in this world; nothing where it is."""
        world: World = self.pieces or self.world
        if self.search == AUTO:
            return ""
        if goals > 1:
            return f"it is for one goal, and here are {goals}"
        if not world.goes_back:
            return f"exact distances around the goal need actions that can be run backwards, which {world.about} lacks"
        if self.search != "blind" and not world.can_undo:
            return "a heuristic is learned on walks away from the goal, and not every action can be undone here"
        if self.search != "blind" and not self.learns:
            return "it goes by a heuristic, and nothing learns one"
        return ""

    def goals(self, goal: np.ndarray, thing_anywhere: bool) -> np.ndarray:
        """Give the codes (G, B) of a goal (B,): itself, or all with what the actions move in any cell free for it."""
        if not thing_anywhere:
            return goal[None]
        if not isinstance(self.world, BoardWorld):
            raise ValueError("nothing moves about in this world")
        return self.world.write(self.world.with_thing_anywhere(self.world.read(goal[None])[0]))

    @property
    def uses_all_cores(self) -> bool:
        """Whether a search asks a network, as far as searches were prepared."""
        return any(scores is not None for scores in self._scores.values())

    def prepare(self, start: np.ndarray, goals: np.ndarray):
        """Learn what `solve` needs for the goals (G, B), if there is none yet."""
        with suppress(Unsolved):  # told to end
            self._method(start, goals)

    def solve(self, start: np.ndarray, goals: np.ndarray, seconds: float) -> Plan:
        """Plan from a start (B,) to any of the goals (G, B), all codes of 0 and 1."""
        return self._searched(partial(self._method, start, goals), Deadline(seconds, len(start), self.at_once))

    def solve_to_an_end(self, start: np.ndarray, outcomes: Outcomes, seconds: float) -> Plan:
        """Plan from a start (B,) to a step that ends the world with the best reward."""
        assert outcomes.best_end is not None
        world = EndingWorld(self.world, len(start), outcomes.told, outcomes.best_end)
        search = partial(_met, world, world.read(start[None])[0], world.goal[None])
        return self._searched(
            lambda: ("breadth-first search from the start to a step that ends the world", search),
            Deadline(seconds, len(start), self.at_once),
        )

    def _searched(self, choose: Callable[[], tuple[str, Search]], deadline: Deadline) -> Plan:
        method, ended_by = "", ""
        try:
            method, search = choose()
            deadline.begin()
            actions, optimal, deadline.states = search(deadline)
            if actions is None and not self.is_certain:
                raise Unsolved(GUESSED)
            status = "impossible" if actions is None else "solved"
        except Unsolved as why:
            actions, optimal, status, ended_by = None, False, "unsolved", str(why)
        return Plan(actions, status, optimal and self.is_certain, deadline.spent, deadline.states, method, ended_by)

    def _method(self, start: np.ndarray, goals: np.ndarray) -> tuple[str, Search]:
        """Choose by what the tables show; says why."""
        if self.elimination and len(goals) == 1 and self.search == AUTO:
            return "every action only flips bits: elimination over GF(2)", lambda _: self._eliminate(start ^ goals[0])
        if self.pieces and len(goals) == 1:
            try:
                state, world = self.pieces.of_pair(start, goals[0]), self.pieces
            except ValueError:  # they look alike: which is which isn't known
                pass
            else:
                if state is None:
                    return "a piece of the goal isn't there", lambda _: (None, True, 1)
                return self._method_in(world, state, world.homes[None])
        return self._method_in(self.world, self.world.read(start[None])[0], self.world.read(goals))

    def _method_in(self, world: World, state: np.ndarray, goals: np.ndarray) -> tuple[str, Search]:
        if all(why := world.differs_for_ever(state, goal) or world.no_way(state, goal) for goal in goals):
            return why, lambda _: (None, True, 1)
        if isinstance(world, BoardWorld) and len(goals) == 1:
            state, goal = world.renamed(state, goals[0])
            goals = goal[None]
        if self.search != AUTO:
            return self._asked_for(world, state, goals[0])
        most = world.most_states(state)
        if world.can_undo and most <= MOST_STATES and len(goals) == 1:
            method = f"at most {most:,.0f} states: complete breadth-first search from the goal"
            return method, lambda deadline: self._in_complete(world, state, goals, deadline)
        if world.can_undo and self.learns and len(goals) == 1:
            ball, number = self._task(world, goals[0]).ball, number_rows(state[None])
            if ball.distances(number)[0] >= 0:
                method = f"the start is among {len(ball):,} states within {ball.depth} steps of the goal"
                return method, lambda _: (ball.back(number[0]), True, len(ball))
            beam = self._beam(world, goals[0])
            method = f"{most:.2g} states are too many: a learned heuristic and beams, {_around(beam.ball)}"
            return method, lambda deadline: self._in_beam(beam, state, deadline)
        if world.goes_back:
            method = "actions can be run backwards: breadth-first search from both sides"
        else:
            method = "actions can't be run backwards: breadth-first search from the start"
        return method, lambda deadline: _met(world, state, goals, deadline)

    def _asked_for(self, world: World, state: np.ndarray, goal: np.ndarray) -> tuple[str, Search]:
        if self.search == "beam":
            beam = self._beam(world, goal)
            return f"beam, {_around(beam.ball)}", lambda deadline: self._in_beam(beam, state, deadline)
        task = self._task(world, goal)
        scores = self._heuristic(task)
        search = BestFirst(task, scores, 1.0 if scores is None else self.weight, self.search == "qstar")
        width = self.width or BATCH

        def best_first(deadline: Deadline) -> tuple[list[int] | None, bool, int]:
            with nullcontext() if scores is None else self._alone:
                deadline.begin()
                plan, optimal = search.search(state, width, deadline)
                return plan, optimal, deadline.states

        return f"{self.search}, {width:,} at a time, {_around(task.ball)}", best_first

    def _task(self, world: World, goal: np.ndarray) -> Task:
        """Give what a goal (S,) is searched for with, and the exact distances around it."""
        key = goal.tobytes()
        with self._alone:
            if key not in self._tasks:
                self._tasks[key] = Task(world, goal)
            assert len(self._tasks[key].ball)
        return self._tasks[key]

    def _heuristic(self, task: Task) -> Scores | None:
        """Give the heuristic of a task, learned now if there is none yet."""
        key = task.goal.tobytes()
        with self._alone:
            if key not in self._scores:
                self._scores[key] = self.learn(task) if self.learn and self.search != "blind" else None
        return self._scores[key]

    def _beam(self, world: World, goal: np.ndarray) -> Beam:
        task = self._task(world, goal)
        scores = self._heuristic(task)
        assert scores
        return Beam(task, scores)

    def _in_beam(self, beam: Beam, state: np.ndarray, deadline: Deadline) -> tuple[list[int] | None, bool, int]:
        problems = self._views(beam, state)
        with self._alone:
            deadline.begin()
            plan, proved = widening(beam, problems, self.width, deadline)
        return plan, proved or len(plan or ()) <= beam.ball.depth, deadline.states

    def _views(self, beam: Beam, state: np.ndarray) -> list[Problem]:
        """Give problems whose plans solve a state (S,): it and its inverse, each under several names of the same."""
        if not isinstance(beam.world, PieceWorld):
            return [(state, list)]
        views: list[Problem] = []
        for renamed in self.symmetries:
            views.append((renamed.state(state), renamed.plan))
            if (beam.inverse >= 0).all():  # the reversed plan solves the inverse
                inverse = renamed.state(beam.world.inverse_of(state))
                views.append((inverse, partial(_turned_round, beam, renamed)))
        return views

    @cached_property
    def symmetries(self) -> list[Symmetry]:
        """Other names for the same pieces."""
        assert self.pieces
        return symmetries(self.pieces, SYMMETRIES)

    def _eliminate(self, change: np.ndarray) -> tuple[list[int] | None, bool, int]:
        assert self.elimination
        return *self.elimination.solve(change), 1

    def _in_complete(self, world: World, state, goals, deadline) -> tuple[list[int] | None, bool, int]:
        key = goals.tobytes()
        with self._alone:
            if not (self._complete and self._complete[0] == key):
                layers = Layers(world.parents, goals)
                while len(layers.grow(deadline)):
                    pass
                self._complete = key, layers
            layers = self._complete[1]
        number = number_rows(state[None])
        if layers.distances(number)[0] < 0:
            return None, True, len(layers)
        return layers.back(number[0]), True, len(layers)


def _turned_round(beam: Beam, renamed: Symmetry, plan: list[int]) -> list[int]:
    """Give the plan that a plan of the inverse, in other names, is."""
    return beam.inverse[renamed.plan(plan)[::-1]].tolist()


def _around(ball: Layers) -> str:
    return f"until {len(ball):,} states within {ball.depth} steps of the goal"


def _met(world: World, state, goals, deadline) -> tuple[list[int] | None, bool, int]:
    actions, states = meet(world, state, goals, deadline)
    return actions, True, states


def _pieces_of(world: BitWorld) -> PieceWorld | None:
    try:
        return PieceWorld(world.source)
    except ValueError:
        return None
