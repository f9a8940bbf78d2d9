"""Wherever a run is killed, the same command ends it as if it hadn't been: same history, same weights, bit for bit."""

import os
import signal

import pytest
from small_run import FOLDER, outcome, train

from pipeline.runs import folder
from pipeline.runs.folder import Run
from pipeline.training import fit, keeper, start
from pipeline.training.keeper import RunKeeper

STEPS = 6  # batches in an epoch of the small run


class Killed(BaseException):
    """Ends the process' work without a chance to clean up, as a kill would."""


def dies(*_, **__):
    raise Killed


def act_at(monkeypatch, step, act):
    """Do something after so many batches of the run, before anything is saved there."""
    on_train_batch_end = RunKeeper.on_train_batch_end

    def acting(keeper, batch, logs=None):
        if keeper.epoch * keeper.steps + keeper._offset + batch + 1 == step:
            act()
        on_train_batch_end(keeper, batch, logs)

    monkeypatch.setattr(RunKeeper, "on_train_batch_end", acting)


def save_at_once(monkeypatch):
    monkeypatch.setattr(keeper, "SECONDS_BETWEEN_STATES", 0)


def killed(monkeypatch, saved_at, killed_at, **options):
    """Train with a state saved every time from one batch on, and a kill after another batch."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        act_at(patch, saved_at, lambda: save_at_once(patch))
        act_at(patch, killed_at, dies)
        train(**options)


@pytest.fixture(scope="module")
def unkilled():
    """What the small runs leave that are never killed, by their options; made when first asked for."""
    return {}


def wanted(unkilled, **options):
    key = tuple(options.items())
    if key not in unkilled:
        assert train(**options | {"output_dir": "unkilled"}) == 0
        unkilled[key] = outcome(Run("unkilled").folder)
    return unkilled[key]


def test_the_same_command_twice_gives_the_same_weights(place, unkilled):
    assert train() == 0
    assert outcome(place / FOLDER) == wanted(unkilled)


@pytest.mark.parametrize(
    ("saved_at", "killed_at"), [(2, 4), (STEPS - 1, STEPS), (2 * STEPS, 2 * STEPS + 1)],
    ids=["first epoch", "before validation", "between epochs"],
)  # fmt: skip
def test_a_run_killed_between_two_batches_ends_equal(saved_at, killed_at, place, unkilled, monkeypatch, capsys):
    killed(monkeypatch, saved_at, killed_at)
    assert train() == 0
    assert "going on after epoch" in capsys.readouterr().out
    assert outcome(place / FOLDER) == wanted(unkilled)


@pytest.mark.long
def test_a_run_that_xla_compiles_and_that_gives_tensorflow_several_batches_at_a_time_ends_equal(place, monkeypatch):
    monkeypatch.setattr(start, "WORTH_COMPILING", 0)
    monkeypatch.setattr(fit, "MOST_BATCHES_PER_CALL", 3)
    killed(monkeypatch, STEPS + 3, 2 * STEPS)
    assert train() == 0
    assert train(output_dir="unkilled") == 0
    assert outcome(place / FOLDER) == outcome(place / "unkilled")


@pytest.mark.long
def test_a_run_killed_again_and_again_ends_equal(place, unkilled, monkeypatch):
    for step in (3, 8, 19):
        killed(monkeypatch, step, step + 1)
    assert train() == 0
    assert outcome(place / FOLDER) == wanted(unkilled)


def test_a_run_that_trains_all_parts_from_images_ends_equal(place, monkeypatch):
    monkeypatch.setattr(start, "find_code", lambda *_: None)
    few = {"dataset_size": "600", "mini_batch_size": "100", "train_epochs": "2"}
    killed(monkeypatch, 8, 9, **few)
    assert train(**few) == 0
    assert train(**few, output_dir="unkilled") == 0
    assert outcome(place / FOLDER) == outcome(place / "unkilled")


EARLY = {"stop_when_exact": "1", "train_epochs": "30"}


@pytest.mark.parametrize(
    ("moment", "options"),
    [("models", EARLY), ("training", {}), ("clearing", {})],
)
def test_a_run_killed_after_its_last_epoch_trains_no_further(moment, options, place, unkilled, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        if moment == "models":
            patch.setattr(fit, "save_model", dies)
        elif moment == "clearing":
            patch.setattr(Run, "drop_checkpoint", dies)
        else:
            write_json = folder.write_json
            at = Run(FOLDER).folder / f"{moment}.json"
            patch.setattr(
                folder, "write_json", lambda path, content: dies() if path == at else write_json(path, content)
            )
        train(**options)
    with monkeypatch.context() as patch:
        patch.setattr(RunKeeper, "on_train_batch_end", lambda *_: pytest.fail("trained further"))
        assert train(**options) == 0
    assert outcome(place / FOLDER) == wanted(unkilled, **options)


@pytest.mark.parametrize("model", ["last", "best"])
def test_a_run_killed_while_it_saves_a_model_goes_on_from_the_state_before(model, place, unkilled, monkeypatch):
    replace = os.replace

    def dies_at(source, target):
        if str(target).endswith(".keras") and model in str(target) and "checkpoint" in str(target):
            if dies_at.seen:
                raise Killed
            dies_at.seen = True
        replace(source, target)

    dies_at.seen = False
    with monkeypatch.context() as patch, pytest.raises(Killed):
        save_at_once(patch)
        patch.setattr(os, "replace", dies_at)
        train()
    assert Run(FOLDER).last_state()
    assert train() == 0
    assert outcome(place / FOLDER) == wanted(unkilled)


def test_a_run_whose_newest_state_is_damaged_goes_on_from_the_one_before(place, unkilled, monkeypatch, capsys):
    killed(monkeypatch, 8, 11)
    newest = place / FOLDER / "checkpoint/last-10.keras"
    newest.write_bytes(newest.read_bytes()[:-100])
    assert train() == 0
    said = capsys.readouterr().out
    assert said.count("damaged") == 1 and "going on after epoch 1 and 3 of 6 batches" in said
    assert outcome(place / FOLDER) == wanted(unkilled)


@pytest.mark.parametrize(
    ("step", "number", "code"), [(4, signal.SIGINT, 130), (2 * STEPS, signal.SIGTERM, 143)],
    ids=["between batches", "at an epoch's end"],
)  # fmt: skip
def test_an_interrupted_run_says_what_is_kept_and_how_to_go_on_and_loses_nothing(
    step, number, code, place, unkilled, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        act_at(patch, step, lambda: os.kill(os.getpid(), number))
        assert train() == code
    *_, said = capsys.readouterr().err.strip().split("\n")
    assert f"kept in {FOLDER}/checkpoint" in said and "train --dataset lightsout_4x4 --dataset_size 3000" in said
    assert Run(FOLDER).last_state().step == step
    assert train() == 0
    assert outcome(place / FOLDER) == wanted(unkilled)


def test_an_interruption_before_the_first_state_says_that_nothing_was_trained(place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.training.stage.load_keras", lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert train() == 143
    assert "nothing was trained yet" in capsys.readouterr().err.strip().split("\n")[-1]
