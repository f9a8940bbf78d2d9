"""A run's folder: what is saved comes back, what is unfinished doesn't count, nothing is overwritten."""

import csv
import json
import os

import pytest

from pipeline.runs import Run, replacing, write_json


class Model:
    """Stands for a Keras model: is saved to a path."""

    def __init__(self, weights: str):
        self.weights = weights

    def save(self, path):
        path.write_text(self.weights)


class Dies(Model):
    """A model whose process is killed in the middle of the saving."""

    def save(self, path):
        path.write_text(self.weights[:3])
        raise KeyboardInterrupt


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "models" / "run")
    run.begin({"dataset": "lightsout", "img_size": [32, 32]})
    return run


def history(epochs):
    return [{"epoch": epoch, "loss": 1 / epoch} for epoch in range(1, epochs + 1)]


def save(run, epoch, best):
    run.save_state(epoch, history(epoch), best, Model(f"weights of {epoch}"), Model(f"weights of {best}"))


def check_state(state, epoch, best):
    assert (state.epoch, state.best_epoch, state.history) == (epoch, best, history(epoch))
    assert state.last_model.read_text() == f"weights of {epoch}"
    assert state.best_model.read_text() == f"weights of {best}"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_that_has_not_begun_has_no_options_and_no_state(tmp_path):
    run = Run(tmp_path / "nothing")
    assert run.recorded_options() is None and run.last_state() is None and not run.is_finished()
    assert not run.folder.exists()


def test_a_run_that_has_begun_records_its_options_and_is_not_finished(run):
    assert run.recorded_options() == {"dataset": "lightsout", "img_size": [32, 32]}
    assert run.last_state() is None and not run.is_finished()


def test_the_last_state_saved_is_the_one_to_go_on_from(run):
    for epoch, best in ((1, 1), (2, 2), (9, 2), (10, 10), (11, 10)):  # 10 comes after 9, not after 1
        save(run, epoch, best)
        check_state(Run(run.folder).last_state(), epoch, best)


def test_two_states_and_their_models_are_kept_and_older_ones_dropped(run):
    for epoch, best in ((1, 1), (2, 2), (3, 2)):
        save(run, epoch, best)
    assert names(run.checkpoint) == [
        "best-2.keras", "last-2.keras", "last-3.keras", "options.json", "state-2.json", "state-3.json",
    ]  # fmt: skip
    save(run, 100, 2)
    save(run, 101, 2)
    assert names(run.checkpoint) == [
        "best-2.keras", "last-100.keras", "last-101.keras", "options.json", "state-100.json", "state-101.json",
    ]  # fmt: skip
    check_state(run.last_state(), 101, 2)


def test_the_state_before_can_take_the_place_of_the_last(run):
    save(run, 4, 3)
    save(run, 5, 5)
    (run.checkpoint / "state-5.json").unlink()
    check_state(run.last_state(), 4, 3)


def test_a_model_without_its_state_is_ignored_and_later_dropped(run):
    save(run, 1, 1)
    with pytest.raises(KeyboardInterrupt):
        run.save_state(2, history(2), 1, Dies("weights of 2"), Model("weights of 1"))
    check_state(run.last_state(), 1, 1)
    save(run, 3, 1)
    save(run, 4, 1)
    assert names(run.checkpoint) == [
        "best-1.keras", "last-3.keras", "last-4.keras", "options.json", "state-3.json", "state-4.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("best_epoch", "last", "best"),
    [(1, Dies("weights of 2"), Model("weights of 1")), (2, Model("weights of 2"), Dies("weights of 2"))],
    ids=["last", "best"],
)
def test_a_model_cut_short_is_saved_again_when_the_run_gets_there_again(run, best_epoch, last, best):
    save(run, 1, 1)
    with pytest.raises(KeyboardInterrupt):
        run.save_state(2, history(2), best_epoch, last, best)
    save(run, 2, best_epoch)
    check_state(run.last_state(), 2, best_epoch)


def test_a_state_survives_the_deletion_of_the_outputs_by_dvc(run):
    save(run, 5, 4)
    run.write_history(history(5))
    run.history_file.unlink()
    assert Run(run.folder).recorded_options() and Run(run.folder).last_state().epoch == 5


def test_a_finished_run_keeps_what_came_of_it_and_nothing_to_go_on_from(run):
    save(run, 3, 2)
    run.best_model.write_text("weights of 2")
    run.finish({"dataset": "lightsout"}, history(3), {"one_step_exact": 1.0})
    assert run.is_finished() and run.recorded_options() == {"dataset": "lightsout"} and run.last_state() is None
    assert names(run.folder) == ["history.csv", "metrics.json", "model.keras", "options.json"]
    assert json.loads(run.metrics_file.read_text()) == {"one_step_exact": 1.0}


@pytest.mark.parametrize("missing", ["metrics_file", "best_model", "options_file"])
def test_a_run_that_lost_a_file_is_not_finished(run, missing):
    run.best_model.write_text("weights")
    run.finish({}, history(1), {})
    assert run.is_finished()
    getattr(run, missing).unlink()
    assert not run.is_finished()


def test_the_history_has_a_row_for_each_epoch(run):
    run.write_history(history(3))
    run.write_history(history(4))
    with open(run.history_file, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"] and float(rows[3]["loss"]) == 0.25


def test_setting_aside_moves_the_folder_and_never_overwrites(run):
    taken = run.folder.with_name("run.2")
    taken.mkdir()
    (taken / "precious").touch()
    asides = []
    for number in range(3):
        run.begin({"number": number})
        asides.append(run.set_aside())
    assert [aside.name for aside in asides] == ["run.1", "run.3", "run.4"]
    assert [Run(aside).recorded_options() for aside in asides] == [{"number": number} for number in range(3)]
    assert names(taken) == ["precious"] and not run.folder.exists()


def test_setting_aside_passes_over_a_file_of_that_name(run):
    run.folder.with_name("run.1").write_text("precious")
    assert run.set_aside().name == "run.2" and run.folder.with_name("run.1").read_text() == "precious"


def test_json_is_written_whole_or_not_at_all(tmp_path):
    place = tmp_path / "figures.json"
    write_json(place, {"share": 0.5, "name": "würfel"})
    assert json.loads(place.read_text()) == {"share": 0.5, "name": "würfel"}
    with pytest.raises(TypeError):
        write_json(place, {"share": object()})
    assert json.loads(place.read_text())["share"] == 0.5 and names(tmp_path) == ["figures.json"]


@pytest.mark.parametrize("event", [OSError, KeyboardInterrupt])
def test_a_replacement_that_fails_leaves_the_old_file_and_no_other(event, tmp_path, monkeypatch):
    place = tmp_path / "figures.json"
    write_json(place, {"share": 1})
    with pytest.raises(event), replacing(place) as partial:
        partial.write_text("half")
        assert json.loads(place.read_text()) == {"share": 1} and partial.parent == place.parent
        raise event
    assert json.loads(place.read_text()) == {"share": 1} and names(tmp_path) == ["figures.json"]


def test_a_reader_meets_the_old_file_or_the_new_one(tmp_path, monkeypatch):
    place, seen, replace = tmp_path / "figures.json", [], os.replace

    def look(*given):
        seen.append(json.loads(place.read_text()))
        replace(*given)

    write_json(place, {"share": 1})
    monkeypatch.setattr(os, "replace", look)
    write_json(place, {"share": 2})
    assert seen == [{"share": 1}] and json.loads(place.read_text()) == {"share": 2}
