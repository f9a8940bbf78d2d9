"""A learned world to plan in, found in a few transitions of a puzzle; and distances by a search of the true puzzle."""

import numpy as np
from rules.worlds import Found, world

from pipeline.planning.planner import Planner

KINDS = {"rubikscube_2x2x2": "pixels"}


class Learned:
    """What a planner takes of a world model: rules alone, which `world` finds."""

    rules_are_all = True

    def __init__(self, name: str, transitions: int):
        self.found: Found = world(name, KINDS.get(name, "tiles"), transitions)
        self.puzzle, self.rules = self.found.puzzle, self.found.rules
        self.bits = self.found.before.shape[1]
        self.planner = Planner(self, len(self.puzzle.actions))

    def step(self, codes, actions):
        return self.rules.step(codes, actions)

    def solve(self, start, goal, seconds=60.0):
        """Plan from a state (S,) of the puzzle to another."""
        codes = self.found.encode(np.stack([start, goal]))
        return self.planner.solve(codes[0], codes[1:], seconds)

    def replay(self, start, actions):
        """Take actions from a state (S,) in the true puzzle."""
        state = start[None]
        for action in actions:
            state = self.puzzle.step(state, np.array([action], np.uint8))
        return state[0]

    def distances(self, goal) -> dict[bytes, int]:
        """Count the steps from each state to a goal (S,): by a plain search of the true puzzle from it.

        Only where each action can be undone in as many steps.
        """
        found, frontier, steps = {goal.tobytes(): 0}, goal[None], 0
        while len(frontier):
            steps += 1
            after = [
                self.puzzle.step(frontier, np.full(len(frontier), action, np.uint8))
                for action in range(len(self.puzzle.actions))
            ]
            new = {state.tobytes() for state in np.concatenate(after)} - found.keys()
            found.update(dict.fromkeys(new, steps))
            frontier = np.array([np.frombuffer(state, np.uint8) for state in new])
        return found
