"""What a world model is worth in one word and a few sentences: exact, nearly or useless, and what to try."""

from collections.abc import Iterator

from ..codes.exactness import percent

USABLE = 0.5  # of the frames told apart, of the pictures right and of the steps exact: below, a model is useless
NEW_IN_A_SMALL_WORLD = 0.5  # of the unseen walk's pictures: a world is small where training has seen the others
ALMOST = 0.99  # of the steps exact: above, only rare ones are wrong


def verdict(metrics: dict) -> str:
    """Give "exact" (nothing that was measured is wrong), "nearly", or "useless"."""
    possible = metrics["one_step_exact"] / max(metrics.get("chance", {}).get("bound", 1.0), 1e-9)
    if min(metrics["told_apart"], metrics["true_pictures"], possible) < USABLE:
        return "useless"
    return "nearly" if any(True for _ in faults(metrics)) else "exact"


def sentences(metrics: dict) -> list[str]:
    """Say the verdict and what it rests on; for a fault also how often, after how long, why, and what to try."""
    word, rollout = verdict(metrics), metrics["rollout"]
    steps = rollout.get("steps_walked", rollout["steps"])
    said = [
        f"exact: all {metrics['transitions']:,} unseen steps{_kinds(metrics)}, all {steps:,} open-loop "
        f"steps of {rollout['episodes']:,} episodes, and {metrics['identity']['states']:,} states with a code each"
    ]
    if word != "exact":
        found = list(faults(metrics))
        said = [f"{word}: {'; '.join(fault for fault, _ in found)}", *dict.fromkeys(cure for _, cure in found)][:3]
    said += _said_of_chance(metrics)
    lacking = metrics.get("left_out", {})
    return said + [f"not measured without `{part}`: {names}" for part, names in lacking.items()]


def _said_of_chance(metrics: dict) -> list[str]:
    """Say what no model of the picture can know, where there is such a thing."""
    chance, said = metrics.get("chance", {}), []
    if uncertain := metrics.get("outcome", {}).get("uncertain_steps"):
        said = [
            f"chance or hidden state, as of a clock: rewards and ends of {uncertain:,} unseen steps follow no picture"
        ]
    if not chance.get("ambiguous_pairs"):
        return said
    certain = metrics.get("exact_where_certain")
    rest = "" if certain is None else f"; of the other steps {percent(certain)} are exact"
    return [
        *said,
        f"chance or hidden state: {chance['ambiguous_pairs']:,} of {chance['pairs']:,} pairs of picture and action "
        f"led to different pictures, in {percent(chance['ambiguous_steps'])} of the unseen steps; no model of the "
        f"picture can have more than {percent(chance['bound'])} of the steps right{rest}",
    ]


def faults(metrics: dict) -> Iterator[tuple[str, str]]:
    """Yield each fault, how often it shows, and its most likely cause with the option to try; the gravest first."""
    yield from _faults_of_the_code(metrics)
    yield from _faults_of_the_transition(metrics)


COLLAPSED = (
    "gradient descent has made the code easy to predict instead of telling: try a --world_model that finds a code in "
    "closed form, cleaner pictures, or a smaller --learning_rate"
)
LOSSY = (
    "the code has too few bits or parts for these pictures, or was trained too briefly: try a --world_model with more "
    "bits, a larger --img_size, or more --train_epochs"
)
UNTRAINED = (
    "the transition hasn't learned these steps: try more --train_epochs, a larger --dataset_size, a --learning_rate of "
    "the default, or a --world_model that suits the puzzle"
)
RARE = "such steps are rare in the training data: try a larger --dataset_size, or --start anywhere"
MORE_DATA = "try more data: a longer recording, a larger --dataset_size, --policy novel, or --start anywhere"
UNSEEN = "{:,} of {:,} unseen steps rest on what the training data never showed: " + MORE_DATA
NEW_PICTURES = "the training data never showed {:,} of the {:,} pictures of the unseen walk: " + MORE_DATA
CHANCE = (
    "chance, or something that the picture hides, decides these steps, so that no training helps: try pictures that "
    "show more"
)


def _faults_of_the_code(metrics: dict) -> Iterator[tuple[str, str]]:
    states, codes = metrics["distinct_states"], metrics["distinct_codes"]
    collapsed, lossy = COLLAPSED, LOSSY
    new = states - metrics["walk_states_seen_in_training"]
    if metrics["unknown_steps"] is not None and 0 < new <= NEW_IN_A_SMALL_WORLD * states:
        collapsed = lossy = NEW_PICTURES.format(new, states)
    if metrics["told_apart"] < 1:
        how = "one code" if codes == 1 else f"{codes:,} codes"
        share = f", {percent(metrics['told_apart'])} of the pictures have a code that is their state's alone"
        yield f"{how} for {states:,} states{share}", collapsed
    if metrics["true_pictures"] < 1:
        yield (
            f"only {percent(metrics['true_pictures'])} of the pictures come back from their code, others are wrong "
            f"by up to {metrics['pixel_error']} of 255 grey levels",
            lossy,
        )
    if shared := metrics["identity"]["shared_codes"]:
        yield f"{shared:,} of {metrics['identity']['states']:,} states share a code with another", lossy
    if not (proof := metrics.get("proof", {"proven": True}))["proven"]:
        yield (
            f"the proof found {proof['wrong_transitions']:,} wrong of {proof['transitions']:,} transitions, "
            f"{proof['shared_codes']:,} shared codes and {proof['wrong_pictures']:,} wrong pictures",
            RARE,
        )


def _faults_of_the_transition(metrics: dict) -> Iterator[tuple[str, str]]:
    exact, rollout, unknown = metrics["one_step_exact"], metrics["rollout"], metrics["unknown_steps"]
    cause = UNSEEN.format(unknown, metrics["transitions"]) if unknown else RARE if exact > ALMOST else UNTRAINED
    if metrics.get("exact_where_certain", 0) in (1, None):  # None: there are no certain steps
        cause = CHANCE
    if exact < 1:
        wrong = {name: kind for name, kind in metrics["one_step_by_change"].items() if kind["exact"] < kind["steps"]}
        counts = [(name, kind["steps"] - kind["exact"], kind["steps"]) for name, kind in wrong.items()]
        where = ", ".join(f"{count:,} of {steps:,} ({name})" for name, count, steps in counts)
        yield f"wrong unseen steps: {where}", cause
    if wrong_steps := metrics.get("outcome", {}).get("wrong_steps"):
        yield f"{wrong_steps:,} of {metrics['transitions']:,} unseen steps are told a wrong reward or end", RARE
    up_to = "up to " if "steps_walked" in rollout else ""
    if failing := rollout["episodes"] - rollout["episodes_all_exact"]:
        yield (
            f"{failing:,} of {rollout['episodes']:,} open-loop episodes of {up_to}{rollout['steps']:,} steps go wrong, "
            f"the first at step {rollout['first_failure']:,}",
            cause,
        )


def _kinds(metrics: dict) -> str:
    counts = [f"{name} {kind['steps']:,}" for name, kind in metrics["one_step_by_change"].items()]
    return f" ({', '.join(counts)})" if len(counts) > 1 else ""
