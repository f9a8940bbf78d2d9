"""A run's folder: what is saved comes back, what is unfinished doesn't count, nothing is overwritten."""

import csv
import json
import os
import shutil
import time
import zipfile
from datetime import datetime

import numpy as np
import pytest

from pipeline.runs.folder import Run, State
from pipeline.system.errors import UserError
from pipeline.system.files import replacing, save_model, write_json


class Model:
    """Stands for a Keras model: is saved to a path."""

    def __init__(self, weights: str):
        self.weights = weights

    def save(self, path):
        with zipfile.ZipFile(path, "w") as archive:  # with the time of now and places in memory, as Keras does
            archive.writestr("metadata.json", json.dumps({"date_saved": datetime.now().isoformat()}))
            shared = [{"shared_object_id": number} for number in (id(self), 7, id(self))]
            archive.writestr("config.json", json.dumps({"layers": shared}))
            archive.writestr("weights", self.weights)


def weights_in(path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("weights").decode()


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


def state(step, best):
    """A state after so many batches, ten to an epoch."""
    return State(step, step / 3, best, history(step // 10), [[step / 7]])


def save(run, step, best):
    run.save_state(state(step, best), Model(f"weights of {step}"), Model(f"weights of {best}") if best else None)


def check_state(run, step, best):
    found = run.last_state()
    assert found == state(step, best)
    last_model, best_model = run.models_of(found)
    assert weights_in(last_model) == f"weights of {step}"
    assert best_model is None if best == 0 else weights_in(best_model) == f"weights of {best}"


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
    for step, best in ((4, 0), (10, 1), (90, 2), (100, 10), (104, 10)):  # 100 comes after 90, not before
        save(run, step, best)
        check_state(Run(run.folder), step, best)


def test_two_states_and_their_models_are_kept_and_older_ones_dropped(run):
    for step, best in ((10, 1), (20, 2), (30, 2)):
        save(run, step, best)
    assert names(run.checkpoint) == [
        "best-2.keras", "last-20.keras", "last-30.keras", "options.json", "state-20.json", "state-30.json",
    ]  # fmt: skip
    save(run, 1000, 2)
    save(run, 1004, 2)
    assert names(run.checkpoint) == [
        "best-2.keras", "last-1000.keras", "last-1004.keras", "options.json", "state-1000.json", "state-1004.json",
    ]  # fmt: skip
    check_state(run, 1004, 2)


def test_a_model_without_its_state_is_ignored_and_later_dropped(run):
    save(run, 10, 1)
    with pytest.raises(KeyboardInterrupt):
        run.save_state(state(20, 1), Dies("weights of 20"), Model("weights of 1"))
    check_state(run, 10, 1)
    save(run, 30, 1)
    save(run, 40, 1)
    assert names(run.checkpoint) == [
        "best-1.keras", "last-30.keras", "last-40.keras", "options.json", "state-30.json", "state-40.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("best_epoch", "last", "best"),
    [(1, Dies("weights of 20"), Model("weights of 1")), (2, Model("weights of 20"), Dies("weights of 2"))],
    ids=["last", "best"],
)
def test_a_model_cut_short_is_saved_again_when_the_run_gets_there_again(run, best_epoch, last, best):
    save(run, 10, 1)
    with pytest.raises(KeyboardInterrupt):
        run.save_state(state(20, best_epoch), last, best)
    check_state(run, 10, 1)
    save(run, 20, best_epoch)
    check_state(run, 20, best_epoch)


def test_a_state_survives_the_deletion_of_the_outputs_by_dvc(run):
    save(run, 50, 4)
    run.write_history(history(5))
    run.history_file.unlink()
    assert Run(run.folder).recorded_options() and Run(run.folder).last_state().step == 50


@pytest.mark.parametrize("name", ["state-20.json", "last-20.keras", "best-2.keras"])
def test_every_truncation_and_every_flipped_bit_of_the_newest_state_is_found_and_the_one_before_used(
    name, run, capsys, tmp_path
):
    save(run, 10, 1)
    save(run, 20, 2)
    content, rng = (run.checkpoint / name).read_bytes(), np.random.default_rng(0)
    damaged = [content[:size] for size in rng.choice(len(content), min(17, len(content)), replace=False)]
    for position in rng.choice(8 * len(content), 34, replace=False):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << position % 8
        damaged.append(bytes(flipped))
    for number, bad in enumerate(damaged):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(run.folder, copy)
        (copy / "checkpoint" / name).write_bytes(bad)
        check_state(Run(copy), 10, 1)
        assert capsys.readouterr().out.count("damaged") == 1
        check_state(Run(copy), 10, 1)
        assert capsys.readouterr().out == ""


def test_a_state_made_again_after_the_damage_never_leaves_the_run_without_a_whole_one(run):
    for step, best in ((10, 1), (20, 2)):
        save(run, step, best)
    (run.checkpoint / "last-20.keras").write_text("rot")
    again = Run(run.folder)
    check_state(again, 10, 1)
    save(again, 15, 1)
    assert {"state-10.json", "state-15.json"} <= set(names(run.checkpoint))
    save(again, 20, 2)
    check_state(Run(run.folder), 20, 2)


def test_options_that_cannot_be_read_are_those_of_no_run(run):
    (run.checkpoint / "options.json").write_text('{"dataset": "li')
    assert run.recorded_options() == {}


def test_what_a_killed_process_left_half_written_is_cleared_away_when_the_run_goes_on(run):
    partial = run.folder / ".metrics.json.1234.partial.json"
    partial.write_text("{")
    run.begin({"dataset": "lightsout"})
    assert not partial.exists()


def test_a_run_that_begins_is_not_finished_whatever_lies_there(run):
    run.best_model.write_text("weights")
    run.finish(history(1), {"options": {"a": 1}})
    assert run.is_finished()
    run.begin({"a": 1})
    assert not run.is_finished()


def test_figures_and_pictures_of_an_earlier_model_go_when_training_begins(run):
    for place in (run.metrics_file, run.strip, run.dream):
        place.write_text("of another model")
    run.begin({"a": 1})
    assert not any(place.exists() for place in (run.metrics_file, run.strip, run.dream))


def test_figures_on_another_dataset_have_places_of_their_own(run):
    assert set(run.pictures_of("sokoban-key7")) & set(run.pictures_of()) == set()
    assert all("sokoban-key7" in place.name for place in run.pictures_of("sokoban-key7"))


def test_a_finished_run_keeps_what_came_of_it_and_nothing_to_go_on_from(run):
    save(run, 30, 2)
    run.best_model.write_text("weights of 2")
    run.finish(history(3), {"options": {"dataset": "lightsout"}, "summary": {"epochs": 3}})
    assert run.is_finished() and run.recorded_options() == {"dataset": "lightsout"} and run.last_state() is None
    assert names(run.folder) == ["history.csv", "model.keras", "training.json"]
    assert json.loads(run.record_file.read_text())["summary"] == {"epochs": 3}


@pytest.mark.parametrize("missing", ["best_model", "record_file"])
def test_a_run_that_lost_a_file_is_not_finished(run, missing):
    run.best_model.write_text("weights")
    run.finish(history(1), {"options": {"dataset": "lightsout"}})
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


@pytest.mark.parametrize(
    ("event", "told"), [(OSError(28, "full"), UserError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_replacement_that_fails_leaves_the_old_file_and_no_other(event, told, tmp_path):
    place = tmp_path / "figures.json"
    write_json(place, {"share": 1})
    with pytest.raises(told), replacing(place) as partial:
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


def test_the_same_model_saved_later_is_the_same_file(tmp_path):
    for name in ("one", "other"):
        save_model(Model("weights"), tmp_path / name)
        time.sleep(2.1)  # archives count every second second
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert weights_in(tmp_path / "one") == "weights"
    with zipfile.ZipFile(tmp_path / "one") as archive:  # what was shared still is
        assert json.loads(archive.read("config.json"))["layers"] == [{"shared_object_id": n} for n in (0, 1, 0)]
