"""`solve`: from pictures to plans in the learned world, each replayed in the true one."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..command_line.options import SolveCommand
from ..dataset.cache import use_dataset
from ..dataset.reading import episode_starts
from ..evaluation.plans import looks_alike, replayed, replayed_live
from ..evaluation.stage import recorded_options
from ..generation.environments import environment_of
from ..generation.stage import ensure_dataset
from ..pictures import drawing
from ..planning.beam import NARROW
from ..planning.breadth import ENDED, GUESSED, MEMORY, TIME, UNSEEN
from ..planning.planner import Plan, Planner
from ..planning.spread import plans
from ..puzzles import Puzzle
from ..rules.outcomes import Outcomes
from ..runs.folder import Run, finished_run
from ..show.given import pixels_off, read_image, state_of
from ..sources.names import is_environment
from ..system.backend import load_keras
from ..system.errors import UserError
from ..system.files import replacing
from ..system.interruption import Interrupted, finishing_first
from .problems import read_problems, true_puzzle

TERMINAL = "terminal"  # a goal: any end of the world with the best reward
NOT_SOLVED = 3  # the exit code
MOST_OFF = 96  # grey levels of a decoded picture: strong noise is less, another colour or thing is more
Truth = Callable[[np.ndarray, list[int]], tuple[np.ndarray, bool] | None]  # a start and actions to what happens
SHOWN, COLUMNS = 64, 8  # pictures of a plan that are drawn
PART = 1000  # pictures that are encoded at a time
BAR = {"unit": "problem", "dynamic_ncols": True}


@dataclass(frozen=True)
class Checked:
    """A plan, and what came of it.

    Attributes:
        plan: It.
        codes: (T + 1, B) of 0 and 1, the model's own dream of it; None where there is no plan.
        true: (T + 1, H, W, 3) uint8, what truly happens; None where that can't be told.
        dream_agrees: Whether the dream ends in a code of the goal.
        picture_agrees: Whether its picture is the goal's.
        verified: Whether what truly happens ends so, and ends the world if that is the goal; None where that can't be
            told.
        unknown: Steps that the data showed no case of.
    """

    plan: Plan
    codes: np.ndarray | None = None
    true: np.ndarray | None = None
    dream_agrees: bool = False
    picture_agrees: bool = False
    verified: bool | None = None
    unknown: int = 0


def solve(options: SolveCommand) -> int:
    """Solve one problem or many; gives the exit code."""
    run = finished_run(options.path)
    puzzle = true_puzzle(run)
    load_keras()
    from ..loaded import WorldModel  # heavy: only now

    world, truth = WorldModel(run.folder), _truth(run, puzzle)
    model, names = world.model, list(world.actions)
    planner = world.planner(options.train_seconds, width=options.width, search=options.search, weight=options.weight)
    img_size = model.encoder.input_shape[1:3]
    if options.problems:
        starts, goals = read_problems(Path(options.problems), img_size)
    else:
        starts = _picture("start", options, run, puzzle, img_size)
        # Any end of the world is a goal without a picture.
        goals = starts if options.goal == TERMINAL else _picture("goal", options, run, puzzle, img_size)
    codes = _encoded(options, model, starts, "start"), _encoded(options, model, goals, "goal")
    _refuse_unfit(options, planner, *codes)
    outcomes = _with_an_end(options, world.outcomes) if options.goal == TERMINAL else None
    compared, speed = planner.check(np.concatenate(codes))
    print(
        f"{planner.world.about}; equal to the model on {compared:,} steps; {speed / 1e6:,.1f} million states a second"
    )
    pairs = list(zip(starts, goals[:, None])) if options.problems else [(starts[0], goals)]
    given = list(zip(codes[0], codes[1][:, None])) if options.problems else [(codes[0][0], codes[1])]
    given = [(start, _goals(options, planner, wanted)) for start, wanted in given]
    _refuse_search(options, planner, max(len(wanted) for _, wanted in given))
    found: list[Checked] = []
    stop = None
    searched = (
        (planner.solve_to_an_end(start, outcomes, options.seconds) for start, _ in given)
        if outcomes
        else plans(planner, given, options.seconds, options.scheduler)
    )
    try:
        with finishing_first(), tqdm(None, "solving", len(pairs), disable=not options.problems, **BAR) as progress:
            for at, plan in enumerate(searched):
                if options.problems and plan.ended_by == ENDED:  # that one was only begun
                    break
                found.append(_checked(options, planner, truth, pairs[at], given[at], plan))
                progress.update()
                progress.set_postfix_str(f"{sum(map(is_solved, found)):,} solved", refresh=False)
    except Interrupted as signal:
        stop = signal
    _tell(options, found, names, model, Path(options.picture or run.folder / "plan.png"))
    if stop and options.problems:
        raise Interrupted(stop.number, f"{len(found):,} of {len(pairs):,} problems were done")
    if stop:
        raise Interrupted(stop.number, "the plan above is the best until then" if any(map(is_solved, found)) else "")
    return 0 if options.problems or is_solved(found[0]) else NOT_SOLVED


def is_solved(checked: Checked) -> bool:
    return checked.plan.actions is not None


def _truth(run: Run, puzzle: Puzzle | None) -> Truth | None:
    """Give what replays plans where the run's world can be made."""
    if puzzle:
        return partial(replayed, puzzle)
    recorded = recorded_options(run)
    return partial(replayed_live, environment_of(recorded)) if is_environment(recorded.dataset) else None


def _picture(name: str, options: SolveCommand, run: Run, puzzle: Puzzle | None, img_size) -> np.ndarray:
    """Give the picture (1, H, W, 3) uint8 that `--start` or `--goal` names."""
    given = getattr(options, name)
    if given not in SolveCommand.states:
        return read_image(name, Path(given), img_size)[None]
    if puzzle:
        key = options.key + (name == "goal" and given == "random")
        return puzzle.render(state_of(puzzle, given, key), img_size)
    if name == "start" and given == "random":
        return _begun(options, run, img_size)
    right = " or random" if name == "start" else ", or terminal where the data shows an end"
    raise UserError(
        f"--{name} must be a picture{right}, for the run's data isn't a puzzle's. Received: --{name} {given}"
    )


def _begun(options: SolveCommand, run: Run, img_size: tuple[int, int]) -> np.ndarray:
    """Give a picture (1, H, W, 3) uint8 with which an episode begins: of the environment, else of the recording."""
    recorded = recorded_options(run)
    if is_environment(recorded.dataset):
        return environment_of(recorded).first_picture(options.key, img_size)[None]
    with use_dataset(ensure_dataset(recorded.model_copy(update={"data_dir": options.data_dir}))) as file:
        frames = file["train/frames"][:].astype(np.int64)
        first = episode_starts(frames)
        return file["train/images"][int(frames[first[options.key % len(first)]])][None]


def _with_an_end(options: SolveCommand, outcomes: Outcomes | None) -> Outcomes:
    if outcomes is None or outcomes.best_end is None:
        raise UserError("--goal must be a picture, or terminal where the data shows an end. Received: --goal terminal")
    if outcomes.best_end <= outcomes.kinds[0][0]:
        print(
            f"the best end that the data shows is rewarded with {outcomes.best_end:g}, no better than a usual step: is "
            "it a goal? data of --policy novel may show a better one"
        )
    return outcomes


def _encoded(options: SolveCommand, model, images: np.ndarray, name: str) -> np.ndarray:
    """Encode pictures (N, H, W, 3), which must be such as the model knows."""
    parts = [images[at : at + PART] for at in range(0, len(images), PART)]
    codes = [model.encode(part) for part in parts]
    worst = np.concatenate([pixels_off(model, *pair) for pair in zip(codes, parts)])
    if worst.max() > MOST_OFF:
        given = f"--{name} {getattr(options, name)}"
        raise UserError(
            f"pictures must be as those of the run, at most {MOST_OFF} of 255 grey levels off when decoded again. "
            f"Received: {_which(options, given, int(worst.argmax()))}, {worst.max()} off"
        )
    return np.concatenate(codes)


def _which(options: SolveCommand, given: str, number: int) -> str:
    return f"--problems {options.problems}, number {number}" if options.problems else given


def _refuse_unfit(options: SolveCommand, planner: Planner, starts: np.ndarray, goals: np.ndarray):
    for name, codes in (("start", starts), ("goal", goals)):
        if why := planner.unfit(codes):
            given = f"--{name} {getattr(options, name)}"
            raise UserError(
                f"a {name} must be a state of the run's world: {why}. "
                f"Received: {f'--problems {options.problems}' if options.problems else given}"
            )
    if not options.problems and all(why := planner.differ_for_ever(starts[0], goal) for goal in goals):
        raise UserError(f"--goal must be one that --start could become: {why}. Received: --goal {options.goal}")


def _goals(options: SolveCommand, planner: Planner, codes: np.ndarray) -> np.ndarray:
    """Give the codes (G, B) of all goals, of those that are wanted."""
    try:
        return np.concatenate([planner.goals(code, options.free_goal) for code in codes])
    except ValueError as error:
        raise UserError(f"--free_goal is for worlds in which one thing moves: {error}. Received: --free_goal") from None


def _refuse_search(options: SolveCommand, planner: Planner, goals: int):
    if why := planner.search_unfit(goals):
        raise UserError(f"--search must be one for this world: {why}. Received: --search {options.search}")
    if options.scheduler and planner.steps_by_network:
        raise UserError(
            "--scheduler is for worlds that are tables, and this one is the network itself. "
            f"Received: --scheduler {options.scheduler}"
        )


def _checked(options: SolveCommand, planner: Planner, truth: Truth | None, images, codes, plan: Plan) -> Checked:
    """Compare a plan with a start and goals, pictures and codes, by the model's dream and by what truly happens."""
    if plan.actions is None:
        return Checked(plan)
    model, dream = planner.model, [codes[0]]
    for action in plan.actions:
        dream.append(model.step(dream[-1][None], np.array([action]))[0])
    unknown = 0
    if model.rules and plan.actions:
        unknown = int((~model.known(np.array(dream[:-1]), np.array(plan.actions))).sum())
    is_end = options.goal == TERMINAL
    agrees = is_end or bool((codes[1] == dream[-1]).all(axis=1).any())
    last = model.decode(dream[-1][None])[0]
    wanted = last[None] if options.free_goal or is_end else images[1]
    true, ended = (truth and truth(images[0], plan.actions)) or (None, False)
    verified = None if true is None else agrees and _is_among(true[-1], wanted) and (ended or not is_end)
    return Checked(plan, np.array(dream), true, agrees, _is_among(last, wanted), verified, unknown)


def _is_among(image: np.ndarray, wanted: np.ndarray) -> bool:
    return any(looks_alike(image, one) for one in wanted)


def summary(found: list[Checked]) -> str:
    """Say what came of many problems."""
    counts = {
        status: sum(one.plan.status == status for one in found) for status in ("solved", "impossible", "unsolved")
    }
    solved = [one for one in found if one.plan.actions is not None]
    seconds = [one.plan.seconds for one in found] or [0.0]
    lines = [
        f"{counts['solved']:,} of {len(found):,} solved, {counts['impossible']:,} proved impossible, "
        f"{counts['unsolved']:,} unsolved"
    ]
    if solved:
        lengths = [len(one.plan.actions or ()) for one in solved]
        lines.append(
            f"{np.mean(lengths):.2f} actions in the mean, {max(lengths)} at most; "
            f"{sum(one.plan.optimal for one in solved):,} proved to be shortest"
        )
        wrong, checked = sum(one.verified is False for one in solved), sum(one.verified is not None for one in solved)
        lines.append(f"{checked:,} replayed in the true world, {wrong:,} of them wrong")
    lines.append(f"{np.mean(seconds):.4f} s in the mean, {max(seconds):.3f} s at most")
    return "\n".join(lines)


def _save(path: str, found: list[Checked], names: list[str]):
    entries = [
        {
            "actions": None if one.plan.actions is None else [names[action] for action in one.plan.actions],
            "status": one.plan.status,
            "optimal": one.plan.optimal,
            "verified": one.verified,
            "seconds": one.plan.seconds,
            "states": one.plan.states,
        }
        for one in found
    ]
    with replacing(Path(path), sync=False) as partial:
        partial.write_text(json.dumps(entries, indent=1) + "\n")
    print(f"plans: {path}")


def _tell(options: SolveCommand, found: list[Checked], names: list[str], model, picture: Path):
    """Save, print and draw what was found."""
    if options.save:
        _save(options.save, found, names)
    if options.problems:
        print(summary(found))
    elif found:
        _tell_one(found[0], names)
        if is_solved(found[0]):
            _draw(found[0], model, picture)


def _tell_one(checked: Checked, names: list[str]):
    plan = checked.plan
    print(plan.method)
    looked = f"{plan.states:,} states looked at in {plan.seconds:.3f} s"
    if plan.actions is None:
        if plan.status == "impossible":
            print(f"impossible: there is no plan: proved; {looked}; try another --goal")
        else:
            print(f"unsolved: {plan.ended_by}; {looked}; {CURES[plan.ended_by]}")
        return
    proof = "no plan is shorter" if plan.optimal else "a shorter one may exist"
    print(f"plan: {' '.join(names[action] for action in plan.actions) or 'nothing to do'}")
    print(f"{len(plan.actions)} actions, {proof}; {looked}")
    if checked.unknown:
        print(f"{checked.unknown} steps are of a kind that the training data never showed: the model guesses there")
    told = {
        "the dream": checked.dream_agrees,
        "its picture": checked.picture_agrees,
        "what truly happens": checked.verified,
    }
    print("; ".join(f"{name} {ANSWERS[agrees]}" for name, agrees in told.items()))


CURES = {
    TIME: "try more --seconds, or a heuristic that learned for more --train_seconds",
    MEMORY: "try --search beam, whose memory is bounded, where actions can be undone",
    NARROW: "try a larger --width, or none",
    GUESSED: "complete rules would prove it, which a larger --dataset_size may give; against chance there is no proof",
    UNSEEN: "train on more, with a larger --dataset_size",
    ENDED: "the same command searches anew, by what was learned",
}
ANSWERS = {True: "ends in the goal", False: "does NOT end in the goal", None: "can't be asked"}


def _draw(checked: Checked, model, path: Path):
    assert checked.codes is not None
    images = model.decode(checked.codes)
    if len(images) > SHOWN:
        images = images[np.linspace(0, len(images) - 1, SHOWN).round().astype(int)]
    drawing.contact_sheet(images, COLUMNS, path)
    print(f"the plan as pictures: {path}")
