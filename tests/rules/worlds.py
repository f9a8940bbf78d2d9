"""Small worlds: codes and rules that are found in a few transitions of a puzzle."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from pipeline.codes.linear_code import LinearCode, find_code
from pipeline.puzzles import PUZZLES, Puzzle
from pipeline.rules.find import find_rules
from pipeline.rules.language import Rules

IMG_SIZE, STEPS, SAMPLE = (32, 32), 30, 1500


@dataclass(frozen=True)
class Found:
    """A puzzle with a code and rules; also the transitions N that these were found in."""

    puzzle: Puzzle
    code: LinearCode
    rules: Rules
    before: np.ndarray  # (N, B) uint8
    actions: np.ndarray  # (N,)
    after: np.ndarray  # (N, B) uint8

    def __len__(self) -> int:
        return len(self.actions)

    def part(self, index):
        return self.before[index], self.actions[index], self.after[index]

    def encode(self, states):
        return encoded(self.code, self.puzzle, states)

    def pixels(self, codes):
        return self.code.decode(codes).reshape(-1, *IMG_SIZE, 3)


def encoded(code, puzzle, states):
    """Encode the pictures of states (N, S) as (N, B) uint8."""
    parts = (states[first : first + 1000] for first in range(0, len(states), 1000))
    return np.concatenate([code.encode(puzzle.render(part, IMG_SIZE)) for part in parts]).astype(np.uint8)


@cache
def world(name: str, kind: str, transitions: int) -> Found:
    """Find code and rules in random walks of a puzzle."""
    puzzle, rng = PUZZLES[name], np.random.default_rng(0)
    states = [puzzle.start(rng, transitions // STEPS, puzzle.resolve_start("auto"))]
    actions = []
    for _ in range(STEPS):
        actions.append(puzzle.random_actions(rng, states[-1]))
        states.append(puzzle.step(states[-1], actions[-1]))
    before, after = np.concatenate(states[:-1]), np.concatenate(states[1:])
    sample = before[rng.permutation(len(before))[:SAMPLE]]
    code = find_code(puzzle.render(sample, IMG_SIZE), kind, 1600)
    codes = [encoded(code, puzzle, part) for part in (before, after)]
    found = Found(puzzle, code, None, codes[0], np.concatenate(actions), codes[1])
    return Found(puzzle, code, find_rules(found, code.grid, len(puzzle.actions)), *found.part(slice(None)))
