"""Stage 2: from a dataset file to a trained world model. Knows nothing of the puzzles' rules."""

from pathlib import Path

from pipeline.generation import ensure_dataset
from pipeline.keras_start import load_keras
from pipeline.options import as_attributes
from pipeline.runs import Run, State

# What decides a run's result; how it was made and where it lies doesn't count.
NOT_RECORDED = ("retrain", "data_dir", "output_dir", "dataset_minibatch_size")


def train(options) -> None:
    """Train the world model that the options ask for, going on where an earlier call stopped."""
    run, wanted = Run(options.output_dir), recorded(options)
    if run.is_finished() and run.recorded_options() == wanted and not options.retrain:
        print(f"the run in {run.folder} is finished; --retrain trains it again")
        return _say_next(run, options)
    path = ensure_dataset(options)
    state = _clear_the_place(run, wanted, options.retrain)
    run.begin(wanted)
    _fit_and_measure(options, path, run, state, wanted)
    _say_next(run, options)


def recorded(options) -> dict:
    """Give the options that decide a run's result, as its folder records them."""
    values = as_attributes(options, type(options))
    return {name: value for name, value in values.items() if name not in NOT_RECORDED}


def _clear_the_place(run: Run, wanted: dict, retrain: bool) -> State | None:
    """Find the state to go on from; move a run with other options aside."""
    found = run.recorded_options()
    if found == wanted and not retrain:
        return run.last_state()
    if found is not None:
        other = [f"{name}={found.get(name)}" for name in wanted if found.get(name) != wanted[name]]
        print(f"the run there before ({', '.join(other) or 'the same options'}) is now in {run.set_aside()}")
    return None


def _fit_and_measure(options, path: Path, run: Run, state: State | None, wanted: dict):
    load_keras()
    from pipeline.fitting import fit_and_measure  # heavy: only now

    history, metrics = fit_and_measure(options, path, run, state)
    run.finish(wanted, history, metrics)
    print(
        f"one step exact {metrics['one_step_exact']:.2%}, bit match {metrics['bit_match']:.4%}, "
        f"reconstruction error {metrics['reconstruction_mse']:.1e} on {metrics['transitions']:,} unseen steps"
    )


def _say_next(run: Run, options):
    print(f"model: {run.best_model}\nfigures: {run.metrics_file}\npictures: {run.strip} {run.dream} {run.curve}")
    print(
        f"next: python main.py world_model_train evaluate --dataset {options.dataset} "
        f"--world_model {options.world_model}" + f" --output_dir {run.folder}"
    )
