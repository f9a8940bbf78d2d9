"""The measurements, on world models whose faults are known."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from pipeline.codes.exactness import noise_of, percent, pixel_bound
from pipeline.command_line.options import GenerateCommand
from pipeline.evaluation.code_use import measure_code_use
from pipeline.evaluation.exhaustive import prove
from pipeline.evaluation.identity import measure_identity
from pipeline.evaluation.one_step import measure_walk
from pipeline.evaluation.report import QuickEffort, measure, table
from pipeline.evaluation.robustness import add_noise, measure_robustness
from pipeline.evaluation.rollout import measure_rollout, roll_out
from pipeline.evaluation.subject import Subject
from pipeline.evaluation.verdict import sentences
from pipeline.generation.stage import ensure_dataset
from pipeline.puzzles import PUZZLES
from pipeline.system.errors import UserError

SIZE = (8, 8)


class TrueModel:
    """The puzzle itself as a world model: a code is the bits of the state's bytes."""

    def __init__(self, puzzle):
        self.puzzle = puzzle

    def encode(self, images):
        return np.unpackbits(self.puzzle.read(images), axis=1)

    def step(self, codes, actions):
        return np.unpackbits(self.puzzle.step(np.packbits(codes, axis=1), actions), axis=1)

    def decode(self, codes):
        return self.puzzle.render(np.packbits(codes, axis=1), SIZE)

    def pixels(self, codes):
        return self.decode(codes) / 255

    @property
    def bits(self):
        return 8 * self.puzzle.state_size


class Collapsed(TrueModel):
    """Sees only the first half of the board: exact at what it sees, blind for the rest."""

    def encode(self, images):
        codes = super().encode(images)
        codes[:, codes.shape[1] // 2 :] = 0
        return codes

    def step(self, codes, actions):
        return codes  # nothing ever happens


class Constant(TrueModel):
    """One code for all states, predicted without a fault."""

    def encode(self, images):
        return np.zeros((len(images), 8 * self.puzzle.state_size), np.uint8)

    def step(self, codes, actions):
        return codes


class Blurred(TrueModel):
    """Exact codes, but decoded pictures whose first pixel is off by some grey levels."""

    def __init__(self, puzzle, levels):
        super().__init__(puzzle)
        self.levels = levels

    def decode(self, codes):
        images = super().decode(codes).astype(int)
        images[:, 0, 0] += np.where(images[:, 0, 0] > 127, -self.levels, self.levels)
        return images.astype(np.uint8)


class Restless(TrueModel):
    """Two codes for every state: one for pictures whose corner is darkened by a grey level."""

    def encode(self, images):
        codes = super().encode(images)
        codes[:, 0] = images[:, 0, 0, 0] % 2
        return codes


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
def lights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    path = ensure_dataset(
        GenerateCommand(dataset="lightsout_4x4", dataset_size=100, img_size=SIZE, data_dir=str(folder))
    )
    with h5py.File(path) as file:
        yield file


@pytest.fixture(scope="module")
def walk(lights):
    return lights["test"]


LIGHTS, CUBE = PUZZLES["lightsout_4x4"], PUZZLES["rubikscube"]


def test_the_puzzle_itself_is_exact_in_every_measurement(walk):
    true = subject(TrueModel(LIGHTS))
    found, _ = measure_walk(true, walk)
    assert found["one_step_exact"] == found["bit_match_lowest"] == found["true_state"] == found["true_next_state"] == 1
    assert found["reconstruction_mse"] < 1e-12 and found["distinct_codes"] == found["distinct_states"]
    rolled = measure_rollout(true, roll_out(true, 5, 120, 1000))
    assert rolled["exact_at"] == rolled["true_state_at"] == {"1": 1, "10": 1, "100": 1}
    assert rolled["steps_all_exact"] == 120 and rolled["first_failure"] is None and rolled["mse_max"] < 1e-12
    same = measure_identity(true, 3000, 10_000)
    assert same["states"] == 3000 and same["shared_codes"] == 0
    assert same["two_ways"] > 1000 and same["two_ways_one_code"] == same["inverse_returns"] == 1
    assert prove(true)["proven"]


def test_a_code_that_sees_half_of_the_board_is_not_exact(walk):
    blind = subject(Collapsed(LIGHTS))
    found, _ = measure_walk(blind, walk)
    assert found["true_state"] < 0.01 and found["distinct_codes"] < found["distinct_states"] / 10
    assert found["one_step_exact"] == 0
    assert measure_identity(blind, 3000, 1000)["shared_codes"] > 2000
    assert prove(blind)["shared_codes"] == 65_536 - 256
    assert measure_code_use(blind, 1000)["constant_bits"] >= 64


def test_a_single_wrong_transition_among_a_million_is_found_by_the_proof_and_not_by_a_walk(walk):
    walked = {row.tobytes() for row in walk["states"][:]}
    elsewhere = next(state for state in LIGHTS.all_states() if state.tobytes() not in walked)
    model = subject(Forgetful(LIGHTS, elsewhere, 1))
    found = prove(model)
    assert found["wrong_transitions"] == 1 and not found["proven"]
    assert found["states"] == 65_536 and found["transitions"] == 16 * 65_536 and found["shared_codes"] == 0
    assert measure_walk(model, walk)[0]["one_step_exact"] == 1


def test_a_dream_that_goes_wrong_is_reported_at_its_step():
    true = subject(TrueModel(LIGHTS))
    rollout = roll_out(true, 4, 50, 1000)
    exact = rollout.exact.copy()
    exact[6:, 2] = False
    found = measure_rollout(true, replace(rollout, exact=exact))
    assert found["episodes_all_exact"] == 3
    assert found["by_change"] == {"press": {"steps": 200, "exact": 200 - 44}}
    assert found["by_change_late"] == {"press": {"steps": 100, "exact": 75}}
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
    assert measure_identity(small, 10**6, 1000)["states"] <= 65_536


def test_noise_has_the_spread_it_is_said_to_have():
    images = np.full((50, 32, 32, 3), 128, np.uint8)
    for noise in (4, 16):
        noisy = add_noise(images, noise, np.random.default_rng(0)).astype(float)
        assert noisy.std() == pytest.approx(noise, rel=0.02) and noisy.mean() == pytest.approx(128, abs=0.1)


def test_robustness_counts_codes_that_noise_changes(walk):
    true = subject(TrueModel(LIGHTS))
    found = measure_robustness(true, walk, measure_walk(true, walk)[1], 1000)
    assert found["noisy_frames"] == 1000
    assert found["exact_codes"]["4"] == found["exact_steps"]["4"] == 1


# ---- what counts as exact


def measured(model, file, **effort) -> dict:
    return measure(subject(model), file, QuickEffort(**{"episodes": 3, "steps": 30, "states": 500} | effort))[0]


def said(metrics) -> str:
    return "\n".join([table(metrics), *sentences(metrics)])


def test_the_puzzle_itself_is_called_exact_with_what_that_rests_on(lights):
    found = measured(TrueModel(LIGHTS), lights)
    assert found["verdict"] == "exact" and "all 10,000 unseen steps" in said(found)


def test_one_code_for_all_states_is_called_useless_and_nowhere_a_hundred_per_cent(lights):
    found = measured(Constant(LIGHTS), lights)
    assert found["verdict"] == "useless" and found["one_step_exact"] == found["bit_match"] == 0
    rolled, noise, same = found["rollout"], found["robustness"], found["identity"]
    assert rolled["steps_all_exact"] == rolled["episodes_all_exact"] == 0 and rolled["first_failure"] == 1
    assert not any(rolled["exact_at"].values()) and not any(noise["exact_codes"].values())
    assert (
        not any(noise["exact_steps"].values()) and same["two_ways_one_code"] < 0.01 and same["inverse_returns"] < 0.01
    )
    assert "one code for 8," in said(found) and "--learning_rate" in said(found) and "100%" not in said(found)


@pytest.mark.parametrize(("levels", "word"), [(0, "exact"), (4, "exact"), (5, "useless")])
def test_a_picture_is_the_true_one_only_if_every_pixel_is_within_four_grey_levels(levels, word, lights):
    found = measured(Blurred(LIGHTS, levels), lights)
    assert found["verdict"] == word and found["pixel_error"] == levels


def test_a_state_with_two_codes_is_not_exact(lights, tmp_path):
    with h5py.File(tmp_path / "darkened.h5", "w") as file:
        lights.copy("test", file), lights.copy("train", file)
        file["test/images"][::2, 0, 0, 0] ^= 1
        found, judged = measure_walk(subject(Restless(LIGHTS)), file["test"])
    states = lights["test/states"][:]
    _, which, counts = np.unique(states, axis=0, return_inverse=True, return_counts=True)
    assert judged.is_told_apart[counts[which] == 1].all() and 0.2 < found["told_apart"] < 1
    assert found["one_step_exact"] < found["told_apart"]


def test_a_step_that_is_wrong_now_and_then_is_called_nearly_with_its_kind_and_how_often(lights):
    class Slips(TrueModel):
        def step(self, codes, actions):
            after = super().step(codes, actions)
            after[(codes[:, 7] == 1) & (codes[:, 15] == 1) & (codes[:, 23] == 1) & (actions == 3), 31] ^= 1
            return after

    found = measured(Slips(LIGHTS), lights)
    assert found["verdict"] == "nearly"
    press = found["one_step_by_change"]["press"]
    assert 0 < press["steps"] - press["exact"] < 200 and press["steps"] == 10_000
    assert f"{press['steps'] - press['exact']:,} of 10,000 (press)" in said(found)
    assert "--dataset_size" in said(found) and "100%" not in sentences(found)[0]


def test_steps_that_the_data_never_showed_are_counted_and_more_data_is_what_to_try(lights):
    class FewCases(TrueModel):
        """Its rules were tested on every action but one, which it guesses wrong."""

        @property
        def cases(self):
            return self

        def known(self, codes, actions):
            return actions != 3

        def step(self, codes, actions):
            return np.where(self.known(codes, actions)[:, None], super().step(codes, actions), codes)

    found = measured(FewCases(LIGHTS), lights)
    unknown = found["unknown_steps"]
    assert found["verdict"] == "nearly" and round((1 - found["one_step_exact"]) * 10_000) == unknown > 100
    assert f"{unknown:,} of 10,000 unseen steps rest on what the training data never showed" in said(found)
    assert "--dataset_size" in said(found) and "--train_epochs" not in said(found)


def test_pictures_with_noise_are_compared_within_their_noise_and_clean_ones_are_not_allowed_any():
    rng, numbers = np.random.default_rng(0), np.arange(300).repeat(2).astype(np.uint64)
    clean = np.repeat(rng.integers(60, 190, (300, 8, 8, 3)), 2, axis=0).astype(np.uint8)
    assert noise_of(clean, numbers) == 0 and noise_of(clean[::2], numbers[::2]) == 0
    assert noise_of(add_noise(clean, 8, rng), numbers) == pytest.approx(8, rel=0.05)
    assert pixel_bound() == 4 < pixel_bound(8)


def test_a_share_is_rounded_down_so_that_only_all_is_a_hundred_per_cent():
    assert percent(1.0) == "100%" and percent(0.9999999) == "99.99%" and percent(0.5) == "50.00%"


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
