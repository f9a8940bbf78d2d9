"""What a person at the command line meets: help, one line for each mistake, the job that was asked for."""

import contextlib
import importlib.util
import io
import os
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.command_line import cli
from pipeline.command_line.cli import main, prepare
from pipeline.command_line.fields import kind_of
from pipeline.command_line.options import COMMANDS, EvaluateCommand, GenerateCommand, ShowCommand, TrainCommand
from pipeline.system.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
TRAIN = "world_model_train train"

# What is typed after main.py, and words that the one line must hold.
BAD_COMMANDS = [
    ("trian", "unknown command 'trian'"),
    ("train", "did you mean 'world_model_train train'?"),
    ("world_model_trian train", "did you mean 'world_model_train'?"),
    ("world_model_train trian", "did you mean 'train'?"),
    ("world_model_train ''", "unknown command ''; choose from: train, generate, evaluate, show, explain, export"),
    ("world_model_train __class__", "unknown command '__class__'"),
    ("world_model_train keys", "unknown command 'keys'"),
    ("pop world_model_train", "unknown command 'pop'"),
    ("--dataset sokoban", "a command must come before the options"),
    ("world_model_train --dataset sokoban", "choose from: train, generate, evaluate, show, explain, export"),
    ("-- --trace", "a command must come before the options"),
    (
        f"{TRAIN} --epocs 5",
        "unknown option --epocs of 'train'; did you mean --train_epochs? Received: --epocs 5",
    ),
    (f"{TRAIN} --epocs=5", "did you mean --train_epochs? Received: --epocs=5"),
    (f"{TRAIN} --seed 5", "did you mean --key?"),
    (f"{TRAIN} --xyzzy", "unknown option --xyzzy of 'train'; --help lists the options. Received: --xyzzy"),
    (f"{TRAIN} --no-key", "unknown option --no_key of 'train'"),
    (f"{TRAIN} --no-retrain=true", "unknown option --no_retrain"),
    (f"{TRAIN} --no-retrain --retrain", "--retrain must be given only once"),
    (f"{TRAIN} --noretrain", "unknown option --noretrain of 'train'; did you mean --retrain?"),
    (f"{TRAIN} --trace", "unknown option --trace"),
    ("world_model_train generate --train_epochs 5", "it belongs to 'train'"),
    ("world_model_train show x.h5 --dataset sokoban", "it belongs to 'train' and 'generate' and 'evaluate'"),
    (f"{TRAIN} --dataset rubiks", "unknown dataset 'rubiks'; choose from: rubikscube, sokoban, "),
    (f"{TRAIN} --dataset=Sokoban", "did you mean 'sokoban'? Received: --dataset Sokoban"),
    (f"{TRAIN} --dataset ''", "unknown dataset ''"),
    (f"{TRAIN} --dataset=", "unknown dataset ''"),
    (f"{TRAIN} --dataset", "--dataset needs a value: one of rubikscube"),
    (f"{TRAIN} --dataset --key 1", "--dataset needs a value"),
    (f"{TRAIN} --dataset_size", "--dataset_size needs a value: a whole number"),
    (f"{TRAIN} --dataset_size abc", "--dataset_size must be a whole number from 1"),
    (f"{TRAIN} --dataset_size 0", "Received: --dataset_size 0"),
    (f"{TRAIN} --dataset_size -5", "Received: --dataset_size -5"),
    (f"{TRAIN} --dataset_size=-5", "Received: --dataset_size -5"),
    (f"{TRAIN} --dataset_size 1e3", "Received: --dataset_size 1e3"),
    (f"{TRAIN} --dataset_size 3.0", "Received: --dataset_size 3.0"),
    (f"{TRAIN} --dataset_size true", "Received: --dataset_size true"),
    (f"{TRAIN} --dataset_size None", "Received: --dataset_size None"),
    (f"{TRAIN} --dataset_size 9000000000k", "--dataset_size must be a whole number"),
    (f"{TRAIN} --dataset_minibatch_size 0", "--dataset_minibatch_size must be"),
    (f"{TRAIN} --shuffle_length 1M", "--shuffle_length must be a whole number from 1 up to 100_000"),
    (f"{TRAIN} --img_size 32", "--img_size must be two whole numbers"),
    (f"{TRAIN} --img_size 32 32 32", "Received: --img_size '32 32 32'"),
    (f"{TRAIN} --img_size a b", "Received: --img_size 'a b'"),
    (f"{TRAIN} --img_size -1 -1", "Received: --img_size '-1 -1'"),
    (f"{TRAIN} --img_size 4 4", "--img_size must be at least"),
    (f"{TRAIN} --img_size 4096x4096", "two whole numbers from 1 to 1024"),
    (f"{TRAIN} --img_size --key 1", "--img_size needs a value"),
    (f"{TRAIN} --key -1", "--key must be a whole number from 0"),
    (f"{TRAIN} --key 9223372036854775808", "--key must be a whole number from 0"),
    (f"{TRAIN} --key 1 --key 2", "--key must be given only once. Received: --key 1 and --key 2"),
    (f"{TRAIN} --train_epochs 1 --train-epochs=1", "--train_epochs must be given only once"),
    (f"{TRAIN} --start here", "unknown start 'here'; choose from: auto, solved, anywhere"),
    (f"{TRAIN} --world_model cube", "unknown world_model 'cube'"),
    (f"{TRAIN} --world_model 10e5", "unknown world_model '10e5'"),
    (f"{TRAIN} --train_epochs 1.5", "--train_epochs must be a whole number"),
    (f"{TRAIN} --mini_batch_size 0", "--mini_batch_size must be a whole number"),
    (f"{TRAIN} --mini_batch_size 500 --dataset_size 100", "must be at most --dataset_size, which is 100"),
    (f"{TRAIN} --dataset_size 100", "Received: --mini_batch_size 1000 (the default)"),
    (f"{TRAIN} --optimizer Adam", "did you mean 'adam'?"),
    (f"{TRAIN} --optimizer nope", "unknown optimizer 'nope'; choose from: adam, sgd, "),
    (f"{TRAIN} --learning_rate 0", "--learning_rate must be a number above 0"),
    (f"{TRAIN} --learning_rate nan", "--learning_rate must be a number above 0"),
    (f"{TRAIN} --retrain maybe", "--retrain must be true or false"),
    (f"{TRAIN} --output_dir ''", "--output_dir must be the path of a folder"),
    (f"{TRAIN} --output_dir {'x' * 300}", "the name is too long"),
    (f"{TRAIN} --output_dir /dev/null/run", "/dev/null is not a folder"),
    (f"{TRAIN} --data_dir /dev/null", "/dev/null is not a folder"),
    (f"{TRAIN} --data_dir 'a\nb'", r"Received: --data_dir 'a\nb'"),
    (f"{TRAIN} sokoban", "did you mean --dataset sokoban?"),
    (f"{TRAIN} --dataset sokoban lightsout", "a value needs its option"),
    (f"{TRAIN} -", "an option is written --name value. Received: -"),
    (f"{TRAIN} --", "an option is written --name value. Received: --"),
    (f"{TRAIN} -- --interactive", "an option is written --name value"),
    (f"{TRAIN} --key - 5", "--key needs a value"),
    (f"{TRAIN} --=5", "an option is written --name value"),
    (f"{TRAIN} -k 5", "an option is written --name value"),
    (f"{TRAIN} -dataset sokoban", "did you mean --dataset?"),
    (f"{TRAIN} ---dataset sokoban", "did you mean --dataset?"),
    (f"{TRAIN} --{'x' * 5000} 5", "(5000 characters)"),
    (f"{TRAIN} --dataset {'x' * 5000}", "(5000 characters)"),
    ("world_model_train generate 5", "a value needs its option"),
    ("world_model_train evaluate", "--output_dir must be the folder of a run"),
    ("world_model_train evaluate models/x", "a value needs its option"),
    ("world_model_train show", "'show' needs --path"),
    ("world_model_train show nothing.h5", "nothing is there. Received: --path nothing.h5"),
    ("world_model_train show a.h5 b.h5", "--path must be given only once"),
    ("world_model_train show a.h5 --path b.h5", "--path must be given only once"),
    ("world_model_train show a.h5 --picture x.jpg", "--picture must end in .png"),
]
IN_A_PROCESS = BAD_COMMANDS[::8]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def job_of(line: str):
    """Give the options object that a command line asks for, without running anything."""
    words, rest = cli.take_words(shlex.split(line))
    return prepare(words, rest).options


def run_python(*arguments: str, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, **kwargs)


def run_script(script: str, line: str, **kwargs) -> subprocess.CompletedProcess:
    return run_python(str(ROOT / script), *shlex.split(line), **kwargs)


# ---- what is wrong is refused


def test_there_are_many_kinds_of_bad_command():
    assert len({line for line, _ in BAD_COMMANDS}) >= 45


@pytest.mark.parametrize(("line", "words"), BAD_COMMANDS)
def test_a_bad_command_gets_one_clear_line_and_writes_nothing(line, words, capsys, here):
    code = main(shlex.split(line))
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert len(printed.err.splitlines()) == 1
    assert words in printed.err
    assert "Received: " in printed.err
    assert len(printed.err) < 500
    assert not any(here.iterdir())


@pytest.mark.parametrize(("line", "words"), IN_A_PROCESS)
def test_a_bad_command_in_a_process_of_its_own_ends_with_exit_code_2(line, words, here):
    done = run_script("main.py", line)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert not any(here.iterdir())


@pytest.mark.parametrize("script", ["generate.py", "train.py"])
def test_the_scripts_refuse_in_the_same_words(script, here):
    done = run_script(script, "--dataset rubiks")
    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown dataset 'rubiks'; choose from: ")
    assert not any(here.iterdir())


def test_bytes_that_are_no_text_are_refused_in_one_line(here):
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *TRAIN.split(), b"--dataset", b"\xff\xfe"],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("line", ["--help", f"{TRAIN} --help", f"{TRAIN} --epocs 5", f"{TRAIN} --img_size 4 4"])
def test_help_and_refusals_import_nothing_heavy(line):
    code = (
        "import sys; from pipeline.command_line.cli import main; main(sys.argv[1:]);"
        "print([name for name in ('tensorflow', 'keras', 'jax', 'torch', 'h5py') if name in sys.modules])"
    )
    done = run_python("-c", code, *shlex.split(line), env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0 and done.stdout.endswith("[]\n"), done


FUZZED = int(os.environ.get("FUZZED_COMMANDS", "400"))
TOKENS = st.one_of(
    st.sampled_from([f"--{name}" for model in COMMANDS.values() for name in model.model_fields]),
    st.sampled_from(
        ["-", "--", "---", "-x", "--=", "=", "--no", "--self", "--args", "--Dataset", "--key=1", "--retrain"]
    ),
    st.sampled_from(["0", "1", "-1", "32", "32,32", "2M", "1e5", "true", "None", "sokoban", "adam", "solved", "", " "]),
    st.sampled_from(
        ["__init__", "keys", "(", "[32", "{'a': 1}", "lambda: 0", "#", "\\", "\n", "\0", "\udcff", "'", '"']
    ),
    st.text(max_size=8),
    st.text(max_size=5).map("--{}".format),
    st.text(max_size=5).map("--dataset={}".format),
)
FRONTS = st.one_of(
    st.sampled_from([["world_model_train", command] for command in COMMANDS]),
    st.sampled_from([["world-model-train", "train"], ["world_model_train"], [], ["train"]]),
)


def is_what_was_typed(job: cli.Job, tokens: list[str]) -> bool:
    """Tell whether each option that a job has was typed, and typing the job's values gives the same job."""
    typed = {token.split("=")[0][2:].replace("-", "_") for token in tokens if token.startswith("--")}
    given = job.options.model_fields_set
    words = [f"--{name}={str(getattr(job.options, name)).strip('()')}" for name in given]
    return given <= typed | {type(job.options).positional} and prepare(["world_model_train", job.command], words) == job


@settings(max_examples=FUZZED, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(FRONTS, st.lists(TOKENS, max_size=6))
def test_whatever_is_typed_is_a_checked_job_or_one_line(here, front, tokens):
    ran = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.Job, "run", lambda job, parts: ran.append(job) or 0)
        with (
            contextlib.redirect_stderr(io.StringIO()) as err,
            contextlib.redirect_stdout(io.StringIO()) as out,
        ):
            code = main([*front, *tokens])
    assert not any(here.iterdir())
    if code == 0:
        assert err.getvalue() == ""
        assert [is_what_was_typed(job, tokens) for job in ran] == [True] or "Usage:" in out.getvalue()
    else:
        assert (code, ran, out.getvalue()) == (2, [], "")
        assert err.getvalue().startswith("error: ")
        assert len(err.getvalue().splitlines()) == 1


# ---- what is right is understood


def test_the_documented_example_is_understood():
    options = job_of(f"{TRAIN} --dataset rubikscube --world_model rubikscube --train_epochs 2000")
    assert options == TrainCommand()
    assert isinstance(options, TrainCommand)
    assert options.model_fields_set == {"dataset", "world_model", "train_epochs"}


def test_a_command_without_options_has_the_defaults():
    assert job_of(TRAIN) == TrainCommand()
    assert job_of("world_model_train generate") == GenerateCommand()


@pytest.mark.parametrize(
    "line",
    [
        "world_model_train train --train_epochs 5",
        "world-model-train train --train-epochs 5",
        "world_model_train train --train-epochs=5",
        "world-model-train train --train_epochs=5",
    ],
)
def test_dashes_and_equals_signs_are_as_good(line):
    assert job_of(line) == TrainCommand(train_epochs=5)


def test_a_switch_is_turned_off_by_its_name_with_no():
    assert job_of(f"{TRAIN} --no-retrain") == TrainCommand(retrain=False)
    assert job_of(f"{TRAIN} --no_retrain").model_fields_set == {"retrain"}


@pytest.mark.parametrize(
    "spelling",
    ["32 48", "32,48", "'(32, 48)'", "'[32, 48]'", "32x48", "'32 48'", "32, 48", "[32, 48]", "'(32,48)'"],
)
def test_an_image_size_is_understood_in_every_spelling(spelling):
    assert job_of(f"{TRAIN} --img_size {spelling} --key 3") == TrainCommand(img_size=(32, 48), key=3)
    assert job_of(f"{TRAIN} --key 3 --img_size={spelling}") == TrainCommand(img_size=(32, 48), key=3)


def test_a_switch_stands_alone_or_has_a_value():
    assert job_of(f"{TRAIN} --retrain").retrain is True
    assert job_of(f"{TRAIN} --retrain --key 1").retrain is True
    assert job_of(f"{TRAIN} --retrain true").retrain is True
    assert job_of(f"{TRAIN} --retrain=false").retrain is False


@pytest.mark.parametrize(
    "name", ["1e5", "10e5", "0x10", "None", "True", "[1]", "a=b", "a b", "#5", "'q'", '"q"', "-5", "--x"]
)
def test_a_name_is_taken_literally_whatever_python_would_make_of_it(name):
    words, rest = cli.take_words([*TRAIN.split(), f"--output_dir={name}"])
    assert prepare(words, rest).options.output_dir == name


def test_the_path_to_show_needs_no_name(here):
    (here / "data.h5").touch()
    assert job_of("world_model_train show data.h5") == ShowCommand(path="data.h5")
    assert job_of("world_model_train show --path data.h5") == ShowCommand(path="data.h5")
    assert job_of("world_model_train show --picture p.png data.h5") == ShowCommand(path="data.h5", picture="p.png")


def test_evaluation_knows_what_was_given(here):
    (here / "run").mkdir()
    options = job_of("world_model_train evaluate --output_dir run --key 0")
    assert isinstance(options, EvaluateCommand)
    assert options.model_fields_set == {"output_dir", "key"}


# ---- the job runs after everything was checked


@pytest.fixture
def stub(monkeypatch):
    """Give a function that stands in for the parts of a command's work, and returns what was called with what."""
    called = []

    def install(command, result=None):
        def stand_in(function):
            def work(options):
                called.append((function, options))
                if isinstance(result, BaseException):
                    raise result
                return result

            return work

        for part in cli.WORK[command]:
            module, _, function = importlib.util.resolve_name(part, cli.__package__).rpartition(".")
            monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(**{function: stand_in(function)}))
        return called

    return install


@pytest.mark.parametrize(
    ("command", "parts", "work"),
    [
        ("train", None, ["train", "measure_trained"]),
        ("train", 1, ["train"]),
        ("generate", None, ["generate"]),
        ("evaluate", None, ["evaluate"]),
    ],
)
def test_a_command_calls_each_part_of_its_work_once_with_the_options(stub, command, parts, work, capsys, here):
    called, given = stub(command), {"output_dir": str(here)} if command == "evaluate" else {}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    assert main(["world_model_train", command, "--key", "7", *words], parts=parts) == 0
    assert called == [(function, COMMANDS[command](key=7, **given)) for function in work]
    assert capsys.readouterr() == ("", "")


def test_every_command_has_its_work():
    assert set(cli.WORK) == set(COMMANDS) == set(cli.EXAMPLES)


def test_an_exit_code_of_a_part_of_the_work_is_passed_on_and_the_next_part_is_left(stub):
    called = stub("train", 3)
    assert main(TRAIN.split()) == 3
    assert [function for function, _ in called] == ["train"]


def test_a_mistake_that_the_work_finds_is_one_line_too(stub, capsys):
    stub("train", UserError("the dataset is\nbroken"))
    assert main(TRAIN.split()) == 2
    assert capsys.readouterr().err == "error: the dataset is\\nbroken\n"


def test_an_interruption_is_one_line(stub, capsys):
    stub("train", KeyboardInterrupt())
    assert main(TRAIN.split()) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_bug_is_not_hidden(stub):
    stub("train", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(TRAIN.split())


def test_the_work_is_not_called_when_a_later_option_is_wrong(stub):
    called = stub("train")
    assert main([*TRAIN.split(), "--key", "1", "--epocs", "5"]) == 2
    assert called == []


# ---- help


@pytest.mark.parametrize("line", ["", "--help", "-h", "-- --help", "world_model_train", "world_model_train --help"])
def test_without_a_command_the_help_lists_the_commands(line, capsys):
    assert main(shlex.split(line)) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "python main.py world_model_train COMMAND" in printed.out
    for command in COMMANDS:
        assert f"\n  {command} " in printed.out


@pytest.mark.parametrize("line", ["--help", "-h", "-- --help", "--dataset --help", "--epocs 5 -h", "--key 1 -- -h"])
@pytest.mark.parametrize("command", list(COMMANDS))
def test_the_help_of_a_command_lists_every_option_with_default_and_choices(command, line, capsys):
    assert main(["world_model_train", command, *shlex.split(line)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    text = " ".join(printed.out.split())
    for name in COMMANDS[command].model_fields:
        assert f" --{name} " in text
        assert f"Default: {cli.default_of(COMMANDS[command], name)}" in text
        assert ", ".join(kind_of(COMMANDS[command], name).choices) in text
    assert max(map(len, printed.out.splitlines())) <= 110
    assert "\x1b" not in printed.out
    assert printed.out.isascii()


def test_the_example_in_the_help_of_training_is_the_documented_one(capsys):
    main([*TRAIN.split(), "--help"])
    options = "--dataset rubikscube --world_model rubikscube --train_epochs 2000"
    assert f"python main.py world_model_train train {options}\n" in capsys.readouterr().out


@pytest.mark.parametrize("script", ["generate.py", "train.py"])
def test_the_help_of_a_script_shows_how_to_call_the_script(script):
    done = run_script(script, "--help", env={**os.environ, "PAGER": "false"})
    assert done.returncode == 0
    assert f"  python {script} [OPTIONS]" in done.stdout
    assert "--dataset_size" in done.stdout


@pytest.mark.parametrize(
    ("words", "codes"), [(f"{TRAIN} --help", {0}), ("world_model_train explain", {0, cli.NO_READER})]
)
def test_a_reader_who_has_seen_enough_is_no_error(words, codes):
    command = [sys.executable, str(ROOT / "main.py"), *words.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in codes
