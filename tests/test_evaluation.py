"""The measurements, on world models whose faults are known."""

import h5py
import numpy as np
import pytest

from pipeline.command_line.options import GenerateCommand
from pipeline.evaluation.code_use import measure_code_use
from pipeline.evaluation.exhaustive import prove
from pipeline.evaluation.identity import measure_identity
from pipeline.evaluation.one_step import measure_walk
from pipeline.evaluation.report import table
from pipeline.evaluation.robustness import add_noise, measure_robustness
from pipeline.evaluation.rollout import measure_rollout, roll_out
from pipeline.evaluation.subject import Subject
from pipeline.generation.stage import ensure_dataset
from pipeline.puzzles import PUZZLES
from pipeline.system.errors import UserError

SIZE = (32, 32)


class TrueModel:
    """The puzzle itself as a world model: a code is the bits of the state's bytes."""

    def __init__(self, puzzle):
        self.puzzle, self.decoder = puzzle, self

    def encode(self, images):
        return np.unpackbits(self.puzzle.read(images), axis=1)

    def step(self, codes, actions):
        return np.unpackbits(self.puzzle.step(np.packbits(codes, axis=1), actions), axis=1)

    def decode(self, codes):
        return self.puzzle.render(np.packbits(codes, axis=1), SIZE)

    def predict_on_batch(self, codes):
        return self.decode(codes.astype(np.uint8)) / 255

    @property
    def transition(self):
        class Shape:
            output_shape = (None, 8 * self.puzzle.state_size)

        return Shape


class Collapsed(TrueModel):
    """Sees only the first half of the board: exact at what it sees, blind for the rest."""

    def encode(self, images):
        codes = super().encode(images)
        codes[:, codes.shape[1] // 2 :] = 0
        return codes

    def step(self, codes, actions):
        return codes  # nothing ever happens


class Forgetful(TrueModel):
    """Exact, but one action in one state goes wrong."""

    def __init__(self, puzzle, state, action):
        super().__init__(puzzle)
        self.state, self.action = state, action

    def step(self, codes, actions):
        after = super().step(codes, actions)
        wrong = (np.packbits(codes, axis=1) == self.state).all(axis=1) & (actions == self.action)
        after[wrong, -1] ^= 1
        return after


def subject(model, key=0):
    return Subject(model, model.puzzle, SIZE, key)


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    path = ensure_dataset(GenerateCommand(dataset="lightsout_4x4", dataset_size=100, data_dir=str(folder)))
    with h5py.File(path) as file:
        yield file["evaluation"]


SLIDE, LIGHTS, CUBE = (PUZZLES[name] for name in ("slidepuzzle_3x3", "lightsout_4x4", "rubikscube"))


def test_the_puzzle_itself_is_exact_in_every_measurement(walk):
    true = subject(TrueModel(LIGHTS))
    found = measure_walk(true, walk)
    assert found["one_step_exact"] == found["bit_match_lowest"] == found["true_state"] == found["true_next_state"] == 1
    assert found["reconstruction_mse"] < 1e-12 and found["distinct_codes"] == found["distinct_states"]
    rolled = measure_rollout(true, roll_out(true, 5, 120))
    assert rolled["exact_at"] == rolled["true_state_at"] == {"1": 1, "10": 1, "100": 1}
    assert rolled["steps_all_exact"] == 120 and rolled["first_failure"] is None and rolled["mse_max"] < 1e-12
    same = measure_identity(true, 3000)
    assert same["states"] == 3000 and same["shared_codes"] == 0
    assert same["two_ways"] > 1000 and same["two_ways_one_code"] == same["inverse_returns"] == 1
    assert prove(true)["proven"]


def test_a_collapsed_code_can_be_exact_but_not_hide(walk):
    blind = subject(Collapsed(LIGHTS))
    found = measure_walk(blind, walk)
    assert found["true_state"] < 0.01 and found["distinct_codes"] < found["distinct_states"] / 10
    assert measure_identity(blind, 3000)["shared_codes"] > 2000
    assert prove(blind)["shared_codes"] == 65_536 - 256
    assert measure_code_use(blind)["constant_bits"] >= 64


def test_a_single_wrong_transition_among_a_million_is_found_by_the_proof_and_by_nothing_else():
    states = SLIDE.all_states()
    model = subject(Forgetful(SLIDE, states[70_000], 1))
    found = prove(model)
    assert found["wrong_transitions"] == 1 and not found["proven"]
    assert found["states"] == 181_440 and found["transitions"] == 4 * 181_440 and found["shared_codes"] == 0


def test_a_dream_that_goes_wrong_is_reported_at_its_step():
    true = subject(TrueModel(LIGHTS))
    rollout = roll_out(true, 4, 50)
    codes, exact = rollout.codes.copy(), rollout.exact.copy()
    exact[6:, 2] = False
    found = measure_rollout(true, type(rollout)(rollout.states, rollout.actions, codes, exact))
    assert found["first_failure"] == 7 and found["steps_all_exact"] == 6
    assert found["exact_at"] == {"1": 1, "10": 0.75}


def test_rollouts_start_elsewhere_than_the_walk_and_follow_from_the_key():
    first, again, other = (subject(TrueModel(CUBE), key) for key in (0, 0, 1))
    states = [one.walk(one.rng("rollouts"), 3, 5)[0] for one in (first, again, other)]
    np.testing.assert_array_equal(states[0], states[1])
    assert (states[0] != states[2]).any()
    assert (first.walk(first.rng("identity"), 3, 5)[0] != states[0]).any()


def test_no_more_states_are_counted_than_a_puzzle_has():
    small = subject(TrueModel(LIGHTS))
    assert measure_identity(small, 10**6)["states"] <= 65_536


def test_noise_has_the_spread_it_is_said_to_have():
    images = np.full((50, 32, 32, 3), 128, np.uint8)
    for noise in (4, 16):
        noisy = add_noise(images, noise, np.random.default_rng(0)).astype(float)
        assert noisy.std() == pytest.approx(noise, rel=0.02) and noisy.mean() == pytest.approx(128, abs=0.1)


def test_robustness_counts_codes_that_noise_changes(walk):
    found = measure_robustness(subject(TrueModel(LIGHTS)), walk)
    assert found["exact_codes"]["4"] == found["exact_steps"]["4"] == 1


def test_a_proof_is_refused_where_there_is_no_end_of_states():
    with pytest.raises(UserError, match=r"at most 10,000,000 states. Received: 43,252"):
        prove(subject(TrueModel(CUBE)))
    with pytest.raises(UserError, match="Received: a new space for each level"):
        prove(subject(TrueModel(PUZZLES["sokoban"])))


def test_the_table_shows_every_figure_once():
    shown = table(
        {"bits": 192, "share": 0.5, "rollout": {"episodes": 3, "exact_at": {"1": 1.0, "10": 0.5}}, "none": None}
    )
    assert shown.splitlines() == [
        "  bits                 192",
        "  share                0.5",
        "  rollout",
        "    episodes             3",
        "    exact_at             1: 1  10: 0.5",
        "  none                 none",
    ]
