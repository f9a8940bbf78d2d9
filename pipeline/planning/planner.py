"""From a start and a goal to a plan: which search a world allows, and the search."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..system.hashing import number_rows
from .beam import Beam, Problem, Scores, widening
from .breadth import Deadline, Layers, OutOfTime, meet
from .elimination import Elimination
from .pieces import PieceWorld
from .worlds import BitWorld, BoardWorld, CodeWorld, World, compile_world

MOST_STATES = 20_000_000  # of a space that is searched as a whole
WALKS, STEPS = 50, 20  # on which a compiled world is compared with its model

Learn = Callable[[Any], Scores]  # a `Task` to its heuristic
Search = Callable[[Deadline], tuple[list[int] | None, bool, int]]


@dataclass(frozen=True)
class Plan:
    """What a search came to.

    Attributes:
        actions: Numbers of actions that lead from start to goal; None where none were found.
        status: `solved`; `impossible`, which is proved; or `unsolved`, out of time or memory.
        optimal: Whether it is proved that no plan is shorter.
        seconds: That it took.
        states: How many were looked at.
        method: How it was found, in words.
    """

    actions: list[int] | None
    status: str
    optimal: bool
    seconds: float
    states: int
    method: str


class Planner:
    """Plans in the world of a model, with nothing but the model.

    Args:
        model: A loaded world model.
        actions: How many actions it has.
        learn: Gives the heuristic for a task, for spaces too large to be searched as a whole; without it there is none.
        width: Of the beam; by default it gets wider until the time is used.
    """

    def __init__(self, model, actions: int, learn: Learn | None = None, width: int | None = None):
        self.model, self.count, self.learn, self.width = model, actions, learn, width
        self._beams: dict[bytes, Beam] = {}
        self.world = compile_world(model, actions)
        self.pieces: PieceWorld | None = None
        self.elimination: Elimination | None = None
        self._complete: tuple[bytes, Layers] | None = None
        if isinstance(self.world, BitWorld) and self.world.only_flips:
            self.elimination = Elimination(self.world.flipped)
        elif isinstance(self.world, BitWorld) and self.world.goes_back and not self.world.flipped.any():
            self.pieces = _pieces_of(self.world)

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

    def goals(self, goal: np.ndarray, thing_anywhere: bool) -> np.ndarray:
        """Give the codes (G, B) of a goal (B,): itself, or all with what the actions move in any cell free for it."""
        if not thing_anywhere:
            return goal[None]
        if not isinstance(self.world, BoardWorld):
            raise ValueError("nothing moves about in this world")
        return self.world.write(self.world.with_thing_anywhere(self.world.read(goal[None])[0]))

    def solve(self, start: np.ndarray, goals: np.ndarray, seconds: float) -> Plan:
        """Plan from a start (B,) to any of the goals (G, B), all codes of 0 and 1."""
        method, search = self._method(start, goals)
        begun, deadline = time.perf_counter(), Deadline(seconds, len(start))
        try:
            actions, optimal, states = search(deadline)
            status = "impossible" if actions is None else "solved"
        except OutOfTime:
            actions, optimal, states, status = None, False, deadline.states, "unsolved"
        return Plan(actions, status, optimal, time.perf_counter() - begun, states, method)

    def _method(self, start: np.ndarray, goals: np.ndarray) -> tuple[str, Search]:
        """Choose by what the tables show; says why."""
        if self.elimination and len(goals) == 1:
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
        most = world.most_states(state)
        if world.can_undo and most <= MOST_STATES and len(goals) == 1:
            method = f"at most {most:,.0f} states: complete breadth-first search from the goal"
            return method, lambda deadline: self._in_complete(world, state, goals, deadline)
        if world.can_undo and self.learn and len(goals) == 1:
            beam = self._beam(world, goals[0])
            method = (
                f"{most:.2g} states are too many: {len(beam.ball):,} within {beam.ball.depth} steps of the goal, a "
                "learned heuristic, and beams that get wider"
            )
            return method, lambda deadline: self._in_beam(beam, state, deadline)
        if world.goes_back:
            method = "actions can be run backwards: breadth-first search from both sides"
        else:
            method = "actions can't be run backwards: breadth-first search from the start"
        return method, lambda deadline: _met(world, state, goals, deadline)

    def _beam(self, world: World, goal: np.ndarray) -> Beam:
        """Give what searches for a goal (S,), with a heuristic that is learned first if there is none yet."""
        from .heuristic import Task  # Keras, which takes seconds to import

        key = goal.tobytes()
        if key not in self._beams:
            assert self.learn
            task = Task(world, goal)
            self._beams[key] = Beam(task, self.learn(task))
        return self._beams[key]

    def _in_beam(self, beam: Beam, state: np.ndarray, deadline: Deadline) -> tuple[list[int] | None, bool, int]:
        problems: list[Problem] = [(state, list)]
        if isinstance(beam.world, PieceWorld) and (beam.inverse >= 0).all():  # the reversed plan solves the inverse
            problems.append((beam.world.inverse_of(state), lambda plan: beam.inverse[plan[::-1]].tolist()))
        plan = widening(beam, problems, self.width, deadline)
        if plan is None:
            raise OutOfTime
        return plan, len(plan) <= beam.ball.depth, deadline.states

    def _eliminate(self, change: np.ndarray) -> tuple[list[int] | None, bool, int]:
        assert self.elimination
        return *self.elimination.solve(change), 1

    def _in_complete(self, world: World, state, goals, deadline) -> tuple[list[int] | None, bool, int]:
        key = goals.tobytes()
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


def _met(world: World, state, goals, deadline) -> tuple[list[int] | None, bool, int]:
    actions, states = meet(world, state, goals, deadline)
    return actions, True, states


def _pieces_of(world: BitWorld) -> PieceWorld | None:
    try:
        return PieceWorld(world.source)
    except ValueError:
        return None
