"""What was made once is found again; what is printed where."""

import pytest

from pipeline.generation.stage import generate
from pipeline.puzzles import PUZZLES


@pytest.mark.parametrize("minibatch_size", [30_000, 17])
def test_the_second_time_nothing_is_drawn(minibatch_size, made, options, digest, capsys, monkeypatch):
    path = made()
    before = digest(path), path.stat().st_mtime_ns
    for name in ("render", "step", "start"):
        monkeypatch.setattr(PUZZLES["lightsout_4x4"], name, lambda *given: pytest.fail("made again"))
    capsys.readouterr()
    generate(options(dataset_minibatch_size=minibatch_size))
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [f"dataset: using {path} again, made before with the same options", str(path)]
    assert printed.err == "" and (digest(path), path.stat().st_mtime_ns) == before


def test_the_last_line_printed_is_the_files_path_and_progress_goes_to_stderr(options, capsys):
    generate(options(dataset_size=1500))
    printed = capsys.readouterr()
    *before, last = printed.out.splitlines()
    assert last == options(dataset_size=1500).data_dir + "/lightsout_4x4-size1500-key0-shuffle30-img4x4-solved.h5"
    assert len(before) == 1 and before[0].startswith("dataset: 1,500 transitions of lightsout_4x4, ")
    assert "100%" in printed.err and "frames" in printed.err and "%" not in printed.out


def test_what_is_printed_says_where_trajectories_begin_and_why(options, capsys):
    for start, told in (
        ("auto", f"begin anywhere ({PUZZLES['slidepuzzle_3x3'].start_reason})"),
        ("anywhere", "begin anywhere (30 random moves"),
        ("solved", "begin solved, as asked"),
    ):
        generate(options(dataset="slidepuzzle_3x3", start=start))
        assert told in capsys.readouterr().out


def test_a_deleted_file_is_made_again(made, digest):
    path = made()
    before = digest(path)
    path.unlink()
    assert digest(made()) == before
