"""The tables in README.md, benchmarks/README.md and docs/, made from the results in benchmarks/results/ and the code.

    python benchmarks/tables.py           write them
    python benchmarks/tables.py --check   only compare: a line for each that differs, and exit code 1

A table stands between two comments that hold its name; what else is in the texts stays as it is.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from benchmarks import evidence
from benchmarks.larger import CASES as LARGER
from benchmarks.others import CASES as ENVIRONMENTS
from benchmarks.others import FRESH
from pipeline.architectures import WORLD_MODELS
from pipeline.codes.exactness import percent
from pipeline.command_line.fields import markdown_table
from pipeline.command_line.options import TrainCommand
from pipeline.show.explain import metrics
from tools.results import experiment

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    "README.md", "benchmarks/README.md", "docs/commands.md", "docs/exactness.md", "docs/using-a-model.md",
    "docs/world-models.md",
)  # fmt: skip
MOST_NAMED = 12  # rows below a table
MARKED = re.compile(r"<!-- ([\w-]+) -->\n.*?<!-- /\1 -->", re.DOTALL)
MISSING = "not measured on this code yet"
OUTCOMES = ("rubikscube", "lightsout", "slidepuzzle", "sokoban")  # of the project's README
PROVEN = ("rubikscube_2x2x2", "slidepuzzle_3x3", "lightsout_4x4")
PARTS_OF_GENERATION = {
    "rate": "generated", "render": "drawn, per image", "pack": "compressed, per image", "write": "written",
    "size": "cube, two cores",
}  # fmt: skip

Cells = list[str]


def table(head: Cells, rows: Iterable[Cells]) -> str:
    """Write a Markdown table."""
    first, *rest = [f"| {' | '.join(cells)} |" for cells in [head, *rows]]
    return "\n".join([first, "|---" * len(head) + "|", *rest])


def measured(result: str, head: Cells, cells_of: Callable[[str, dict], Cells | None], names: Iterable[str] = ()) -> str:
    """Write a table of measured rows, and below it where and when they were measured.

    Args:
        cells_of: Gives the cells of a row from its name and figures; None if the row isn't one of the table.
        names: The rows to show, measured or not; all that are recorded if none are given.
    """
    known = evidence.read(result)
    rows = {name: known.get(name) for name in names or known}
    cells = {name: cells_of(name, row["figures"]) if row else [name, MISSING] for name, row in rows.items()}
    cells = {name: row for name, row in cells.items() if row} or {"": [MISSING]}
    shown = {name: rows[name] for name in cells if rows.get(name)}
    filled = [row + [""] * (len(head) - len(row)) for row in cells.values()]
    return "\n\n".join([table(head, filled), *origins(shown)])


def origins(rows: dict[str, dict]) -> list[str]:
    """Say at which commits, on which days and on what the rows were measured; which rows, where that isn't the same."""
    commits: dict[str, dict[str, list[str]]] = {}  # of what was the same: of a commit its rows
    for name, row in rows.items():
        commit, _, changes = row["commit"].partition("+")
        machine = dict(row["machine"])
        cores = machine.pop("cores")
        on = f"{cores} core{'s' * (cores > 1)} of {machine.pop('processor')}, {machine.pop('memory_gb')} GB"
        versions = ", ".join(f"{package} {version}" for package, version in machine.items())
        at = f"`{commit[:7]}`{' with changes' if changes else ''}"
        commits.setdefault(f"on {row['date']}; {on}; {versions}", {}).setdefault(at, []).append(name)
    is_one = sum(map(len, commits.values())) == 1
    said = []
    for same, of in commits.items():
        places = [at if is_one else f"{at} ({_named(names)})" for at, names in of.items()]
        said.append(f"Measured at {', '.join(places)} {same}.")
    return [" ".join(said)] if said else []


def _named(rows: list[str]) -> str:
    return ", ".join(rows) if len(rows) <= MOST_NAMED else f"{len(rows)} rows, from {rows[0]} to {rows[-1]}"


# ---- exactness


def outcome() -> str:
    """Write the first table of the README: what came out for the four large puzzles."""
    head = [
        "Dataset", "Verdict", "Bits", "`train`", "One step exact", "Open loop: steps exact in all episodes",
        "In its second half", "States sharing a code", "Codes exact under noise of σ 16",
    ]  # fmt: skip

    def cells(name, row):
        rollout, identity = row["rollout"], row["identity"]
        return [
            f"`{name}`", row["verdict"], f"{row['bits']}", f"{row['seconds']['train']:.0f} s",
            f"{percent(row['one_step_exact'])} of {row['transitions']:,} steps, "
            f"{on_largest_change(row['one_step_by_change'])}",
            f"{rollout['steps_all_exact']:,} of {rollout['steps']:,} steps, "
            f"in {rollout['episodes_all_exact']:,} of {rollout['episodes']:,} episodes",
            on_largest_change(rollout["by_change_late"]),
            f"{identity['shared_codes']:,} of {identity['states']:,}", percent(row["robustness"]["exact_codes"]["16"]),
        ]  # fmt: skip

    return measured("exactness", head, cells, OUTCOMES)


def proofs() -> str:
    """Write what was proven: every state and every action of the small puzzles."""
    head = ["Dataset", "States", "Transitions", "Wrong transitions", "Shared codes", "Wrong pictures"]

    def cells(name, row):
        parts = ("states", "transitions", "wrong_transitions", "shared_codes", "wrong_pictures")
        return [f"`{name}`", *(f"{row['proof'][part]:,}" for part in parts)]

    return measured("exactness", head, cells, PROVEN)


def exactness() -> str:
    """Write all cases with all that matters of their metrics."""
    head = [
        "Case", "Verdict", "Bits", "`train`, from the file on disk", "Epochs", "One step exact", "Exact by change",
        "Open loop, steps exact in all episodes", "Episodes exact", "First failure at step",
        "Exact by change in the second half", "True states at the end", "Shared codes", "Worst error of a dream",
        "Exact steps under σ 8, 16", "Proof",
    ]  # fmt: skip

    def cells(name, row):
        rollout, identity, noise = row["rollout"], row["identity"], row["robustness"]["exact_steps"]
        proof = row.get("proof")
        return [
            name, row["verdict"], f"{row['bits']}", f"{row['seconds']['train']:.0f} s", f"{row['epochs']}",
            percent(row["one_step_exact"]), by_change(row["one_step_by_change"]),
            f"{rollout['steps_all_exact']:,} of {rollout['steps']:,}",
            f"{rollout['episodes_all_exact']:,} of {rollout['episodes']:,}", f"{rollout['first_failure'] or 'none'}",
            by_change(rollout["by_change_late"]), percent(list(rollout["true_state_at"].values())[-1]),
            f"{identity['shared_codes']:,} of {identity['states']:,}", f"{rollout['mse_max']:.1e}",
            f"{percent(noise['8'])}, {percent(noise['16'])}",
            f"{proof['wrong_transitions']:,} wrong of {proof['transitions']:,}, {proof['shared_codes']:,} shared "
            f"codes, {proof['wrong_pictures']:,} wrong pictures"
            if proof else "",
        ]  # fmt: skip

    return measured("exactness", head, cells)


def by_change(kinds: dict[str, dict[str, int]]) -> str:
    """Write how many steps of each kind are exact."""
    return ", ".join(f"{name} {of['exact']:,} of {of['steps']:,}" for name, of in kinds.items())


def on_largest_change(kinds: dict[str, dict[str, int]]) -> str:
    """Write on how many steps of the kind that changes most a model is exact; the largest change comes last."""
    name, of = list(kinds.items())[-1]
    many = {"nothing": "steps without effect"}.get(name, name + ("es" if name.endswith(("s", "sh")) else "s"))
    return (
        f"exact on {of['exact']:,} {'of ' + format(of['steps'], ',') + ' ' if of['exact'] < of['steps'] else ''}{many}"
    )


# ---- time


def time_to_exact() -> str:
    """Write how long ours takes until it is exact, and where the published recipes are by then."""
    rows = evidence.read("time_to_exact").values()
    ours = next((f" ({row['figures']['seconds']:.0f} s)" for row in rows if "seconds" in row["figures"]), "")
    head = ["World model", "Whole recipe", f"When ours is done{ours}", "After ten times as long", "Times ours"]

    def at(row):
        return (
            f"{percent(row['one_step_exact'])} exact, {percent(row['bit_match'])} of bits ({row['seconds']:.0f} s)"
        )  # fmt: skip

    def cells(name, row):
        if "seconds" in row:
            return [f"`{name}`", f"{row['seconds']:.0f} s", f"{percent(row['one_step_exact'])} exact"]
        whole = f"{row['hours']:.1f} h projected, at {row['samples_per_second']:,.0f} samples/s"
        return [f"`{name}`", whole, at(row["early"]), at(row["late"]), f"{row['times_ours']:,.0f}"]

    return measured("time_to_exact", head, cells)


def generation(part: str) -> str:
    """Write a part of the figures of generation."""
    rows = [row["figures"][part] for row in evidence.read("generation").values() if part in row["figures"]]
    columns = list(dict.fromkeys(column for row in rows for column in row))

    def cells(name, row):
        found = row.get(part)
        return found and [
            name, *(f"{found[column]:,.{0 if found[column] >= 100 else 2}f}" if column in found else ""
                    for column in columns),
        ]  # fmt: skip

    return measured("generation", [PARTS_OF_GENERATION[part], *columns], cells)


def training() -> str:
    """Write where the time of a training step goes."""
    head = [
        "World model", "Step on a fixed batch", "On thirty", "From memory", "From disk", "Its plain products",
        "Share of their rate",
    ]  # fmt: skip

    def cells(name, row):
        if "step_ms" not in row:
            return None
        ratio = {where: f"{share:.1%}" for where, share in row["speed_of_fixed"].items()}
        return [
            f"`{name}`", f"{row['step_ms']['fixed']:.2f} ms", ratio.get("ready", "—"), ratio["memory"],
            ratio.get("disk", "—"),
            *((f"{row['products_ms']:.2f} ms", f"{row['share_of_product_rate']:.0%}") if row["products_ms"] else "——"),
        ]  # fmt: skip

    return measured("training", head, cells)


def training_layers() -> str:
    """Write what the products of each layer take alone."""
    rows = []
    for name, row in evidence.read("training").items():
        found = row["figures"]
        rows += [
            [f"`{name}` {layer}", f"{part['gflop']:.3f}", f"{part['plain_ms']:.2f} ms"]
            for layer, part in found.get("layers", {}).items()
        ]
        if found.get("layers"):
            adam = f"{found['adam_ms_at_copy_rate']:.2f} ms at a copy's rate"
            rows.append([f"`{name}` Adam, {found['adam_megabytes']:.0f} MB", "", adam])
    return table(["Layer", "GFLOP", "Alone"], rows or [[MISSING, "", ""]])


def training_frameworks() -> str:
    """Write what one autoencoder's step takes in several frameworks."""
    found = evidence.read("training").get("autoencoder", {"figures": {MISSING: None}})["figures"]
    cells = ([name, f"{1000 * seconds:.1f} ms" if seconds else ""] for name, seconds in found.items())
    return table(["Autoencoder 3072-1000-400-1000-3072", "Step"], cells)


def prompt() -> str:
    """Write how long whole processes take."""
    return measured("prompt", ["Command", "Seconds"], lambda name, row: [name, f"{row['seconds']:.2f}"])


def large_recording() -> str:
    """Write how a recording larger than the memory allowed goes through."""
    head = ["Recording", "Frames", "Read", "Peak", "Killed after", "Same bytes", "Trained, 2 epochs", "Peak", "Verdict"]

    def cells(name, row):
        kills = ", ".join(f"{seconds:.0f}" for seconds in row["killed_after_seconds"])
        return [
            f"{name}, {row['megabytes']:,} MB", f"{row['frames']:,}", f"{row['generate_seconds']:.0f} s",
            f"{row['peak_megabytes']:,} of {row['limit_megabytes']:,} MB", f"{kills} s",
            "yes" if row["same_bytes"] else "no", f"{row['train_seconds']:.0f} s",
            f"{row['peak_training_megabytes']:,} of {row['limit_training_megabytes']:,} MB", row["verdict"],
        ]  # fmt: skip

    return measured("large_recording", head, cells)


def environments() -> str:
    """Write what becomes of Gymnasium's environments by one command each."""
    head = [
        "Environment", "Transitions", "World model", "Verdict", "`train`, from nothing", "Processor time",
        "One step exact", "Possible, for chance", "Exact where there is no chance", "Open-loop episodes exact",
        "Codes for pictures", "Rewards and ends told wrongly",
    ]  # fmt: skip

    def cells(name, row):
        took = [f"{row['seconds']:.0f} s", f"{row['cpu_seconds']:.0f} s"]
        size = f"{int(row['command'].partition('--dataset_size ')[2].split()[0]):,}"
        if row["exit"]:
            return [name, size, "none", f"refused, exit code {row['exit']}", *took]
        rollout, chance, certain = row["rollout"], row["chance"], row["exact_where_certain"]
        return [
            name, size, f"`{row['world_model']}`", row["verdict"], *took,
            f"{percent(row['one_step_exact'])} of {row['transitions']:,}",
            percent(chance["bound"]) if chance["ambiguous_pairs"] else "all",
            "" if certain is None else percent(certain),
            f"{rollout['episodes_all_exact']:,} of {rollout['episodes']:,}, up to {rollout['steps']:,} steps",
            f"{row['distinct_codes']:,} for {row['distinct_states']:,}",
            f"{row['outcome']['wrong_steps']:,}" if row["outcome"] else "",
        ]  # fmt: skip

    return measured("environments", head, cells)


def poor_start() -> str:
    """Write what becomes of codes that are poor on purpose."""
    head = ["Start", "Its codes, worst error", "Seconds", "Verdict", "One step exact", "Bits", "Image error",
            "Open loop, steps exact in all episodes"]  # fmt: skip

    def cells(name, row):
        return [
            name, f"{row['codes']:,} of {row['images']:,}, {row['worst_error']} grey levels",
            f"{row['seconds']:.0f} s", row["verdict"], percent(row["one_step_exact"]), percent(row["bit_match"]),
            f"{row['reconstruction_mse']:.0e}", f"{row['steps_all_exact']:,} of {row['steps']:,}",
        ]  # fmt: skip

    return measured("poor_start", head, cells)


def few_transitions() -> str:
    """Write for each way and puzzle how exact the models are from so many transitions."""
    known = evidence.read("few_transitions")
    rows = [row["figures"] for row in known.values()]
    sizes, ways = sorted({row["size"] for row in rows}), list(dict.fromkeys((r["way"], r["puzzle"]) for r in rows))

    def cell(way, puzzle, size):
        of = [row for row in rows if (row["way"], row["puzzle"], row["size"]) == (way, puzzle, size)]
        if not of:
            return ""
        exact, lowest = sum(row["verdict"] == "exact" for row in of), min(row["one_step_exact"] for row in of)
        return f"{exact} of {len(of)} exact" + (f", lowest {percent(lowest)}" if exact < len(of) else "")

    cells = [[way, f"`{puzzle}`", *(cell(way, puzzle, size) for size in sizes)] for way, puzzle in ways]
    head = ["Way", "Dataset", *(f"{size:,}" for size in sizes)]
    return "\n\n".join([table(head, cells or [[MISSING, ""]]), *origins(known)])


def solving() -> str:
    """Write how well plans are found in learned worlds."""
    head = [
        "Problems", "Solved", "Proved impossible", "Actions in the mean", "More than the shortest", "Proved shortest",
        "Seconds in the mean", "at most", "Refused by the truth",
    ]  # fmt: skip

    def cells(name, row):
        return None if "search" in row else [
            name, f"{row['solved']:,} of {row['problems']:,}", f"{row['impossible']:,}",
            "" if row["actions"] is None else f"{row['actions']:.2f}",
            "" if row.get("longer_than_shortest") is None else percent(row["longer_than_shortest"]),
            f"{row['optimal']:,}", f"{row['seconds']:.4f}", f"{row['most_seconds']:.2f}", f"{row['refused']:,}",
        ]  # fmt: skip

    return measured("solving", head, cells)


def solving_curve() -> str:
    """Write how long plans are, and how long they take, for each search and width."""
    head = ["Puzzle", "Search", "Width", "Solved", "Actions in the mean", "Seconds in the mean", "Refused by the truth"]

    def cells(name, row):
        return None if "search" not in row else [
            row["puzzle"], f"`{row['search']}`", row["width"], f"{row['solved']:,} of {row['problems']:,}",
            "" if row["actions"] is None else f"{row['actions']:.2f}", f"{row['seconds']:.2f}", f"{row['refused']:,}",
        ]  # fmt: skip

    return measured("solving", head, cells)


def devices() -> str:
    """Write what a GPU gives beside the processor."""
    head = [
        "World model, backend, device", "Fitted, samples a second", "On the CPU", "Stepped, codes a second",
        "On the CPU", "Its cores", "Bits",
    ]  # fmt: skip

    def cells(name, row):
        cpu = row["cpu"]
        return [
            f"{name}, {row['device']}", f"{row['fitted']:,.0f}", f"{cpu['fitted']:,.0f}", f"{row['stepped']:,.0f}",
            f"{cpu['stepped']:,.0f}", str(row["cpu_cores"]), "the same on both" if row["same_bits"] else "some differ",
        ]  # fmt: skip

    return measured("devices", head, cells)


def learned() -> str:
    """Write what codes are worth that were learned, or found behind noise."""
    head = ["Row", "Epochs", "Processor time", "Verdict", "Bits", "One step exact", "Codes for states",
            "True state in the decoded picture", "Open loop, steps exact in all episodes"]  # fmt: skip

    def cells(name, row):
        return [
            name, f"{row['epochs']}", f"{row['cpu_seconds']:.0f} s", row["verdict"], f"{row['bits']}",
            percent(row["one_step_exact"]), f"{row['distinct_codes']:,} for {row['distinct_states']:,}",
            "—" if row["true_state"] is None else percent(row["true_state"]),
            f"{row['steps_all_exact']:,} of {row['steps']:,}",
        ]  # fmt: skip

    return measured("learned", head, cells)


def others() -> str:
    """Write what came out for environments that others made."""
    head = ["Environment", "Verdict", "One step exact", "On pairs that training saw", "On pairs that it never saw",
            "Steps by unseen cases", "Open-loop episodes exact", "Processor time", "Found"]  # fmt: skip

    def cells(name, row):
        rollout = row.get("rollout") or {}
        episodes = f"{rollout['episodes_all_exact']:,} of {rollout['episodes']:,}" if rollout else "—"
        named = f"`{name}`" + " *" * (name in FRESH)
        return [named, *_of_pairs(row), episodes, f"{row['cpu_seconds']:.0f} s", _said(row)]

    return measured("others", head, cells, ENVIRONMENTS)


def larger() -> str:
    """Write what models of small worlds are worth in larger ones."""
    head = ["World", "Verdict", "Bits", "One step exact", "Steps by unseen cases", "Open-loop episodes exact",
            "Codes for pictures", "Worst pixel"]  # fmt: skip

    def cells(name, row):
        rollout = row["rollout"]
        return [
            name, row["verdict"], f"{row['bits']:,}", f"{percent(row['one_step_exact'])} of {row['transitions']:,}",
            f"{row['unknown_steps']:,}",
            f"{rollout['episodes_all_exact']:,} of {rollout['episodes']:,}, up to {rollout['steps']:,} steps",
            f"{row['distinct_codes']:,} for {row['distinct_states']:,}", f"{row['pixel_error']} grey levels",
        ]  # fmt: skip

    return measured("larger", head, cells, LARGER)


def drawn() -> str:
    """Write what came out for boards that were drawn elsewhere."""
    head = ["Board", "Verdict", "One step exact", "On pairs that training saw", "On pairs that it never saw",
            "Steps by unseen cases", "100 dreams of 1,000 steps", "Transitions", "Processor time", "Found"]  # fmt: skip

    def cells(name, row):
        dreamed = percent(row["dreamed_exact"]) if "dreamed_exact" in row else "—"
        return [name, *_of_pairs(row), dreamed, f"{row['transitions']:,}", f"{row['cpu_seconds']:.0f} s", _said(row)]

    return measured("drawn", head, cells)


def _of_pairs(row: dict) -> Cells:
    if "exit" in row:
        return ["refused", *["—"] * 4]
    pairs = row.get("one_step_by_pair", {})
    told = [
        f"{of['exact']:,} of {of['steps']:,}" if (of := pairs.get(which)) else "—" for which in ("seen", "never seen")
    ]
    return [row["verdict"], percent(row["one_step_exact"]), *told, f"{row['unknown_steps'] or 0:,}"]


def _said(row: dict) -> str:
    """Say what board or code was found, without what came second."""
    return "; ".join(line.partition(" and take ")[0].partition(": ")[2] for line in row.get("found", [])[-2:])


def exports() -> str:
    """Write how many pictures, codes and steps are the same bits as ONNX in a process without TensorFlow."""
    head = ["World model", "Bits", "Pictures to codes", "Codes to pictures", "Steps", "TensorFlow in that process"]

    def cells(name, row):
        if row["refused"]:
            return [name, str(row["bits"]), f"refused: {row['refused'].partition(', for ')[0].removeprefix('error: ')}"]
        same = [f"{row[part]:,} of {row['images']:,}" for part in ("encoder", "decoder", "transition")]
        return [name, str(row["bits"]), *same, row["tensorflow"]]

    return measured("exports", head, cells)


def successors() -> str:
    """Write what all successors of 1,000 codes cost, beside the tables that planning uses and beside the network."""
    head = ["World model", "Made of", "Successors of 1,000 codes", "Tables of `solve`", "Successors / tables",
            "Network / successors", "Load to first successor"]  # fmt: skip

    def cells(name, row):
        return [
            name, row["by"], f"{row['successors']:.2f} ms", f"{row['tables']:.2f} ms",
            f"{row['successors'] / row['tables']:.2f}", f"{row['network'] / row['successors']:.1f}",
            f"{row['first_successor']:.2f} s",
        ]  # fmt: skip

    return measured("exports", head, cells)


def short_trainings() -> str:
    """Write for each puzzle and optimizer what the worst of the short trainings left of the code."""
    known = evidence.read("short_trainings")
    of: dict[tuple[str, str], list[dict]] = {}
    for row, found in known.items():
        name, optimizer, _ = row.split(", ")
        of.setdefault((optimizer, name), []).append(found["figures"]["after"])
    optimizers, names = (list(dict.fromkeys(place)) for place in zip(*of)) if of else ([], [])

    def cell(optimizer, name):
        rows = of.get((optimizer, name), [])
        if not rows:
            return ""
        codes = min(row["codes"] / row["states"] for row in rows)
        return f"{percent(codes)}, {percent(min(row['same_code_twice'] for row in rows))} ({len(rows)})"

    cells = [[f"`{optimizer}`", *(cell(optimizer, name) for name in names)] for optimizer in optimizers]
    return "\n\n".join([table(["Optimizer", *names], cells or [[MISSING]]), *origins(known)])


# ---- what isn't measured, or not by a benchmark


def demo() -> str:
    """Write what `make demo` ends with, from the metrics of the experiment."""
    return "\n".join(["```", *(experiment(ROOT) or [MISSING]), "```"])


def world_models() -> str:
    """Write what each world model is."""
    return table(["World model", ""], ([f"`{name}`", summary] for name, summary in WORLD_MODELS.items()))


def explained() -> str:
    """Write what each figure of metrics.json means and what is good, as `explain` says it."""
    return table(
        ["Figure", "Meaning", "Good"], ([f"`{one.name}`", one.meaning, one.good] for one in metrics().values())
    )


TABLES: dict[str, Callable[[], str]] = {
    "demo": demo,
    "outcome": outcome,
    "proofs": proofs,
    "options": lambda: "\n".join(markdown_table(TrainCommand)),
    "world-models": world_models,
    "metrics": explained,
    "exactness": exactness,
    "time-to-exact": time_to_exact,
    **{f"generation-{part}": lambda part=part: generation(part) for part in PARTS_OF_GENERATION},
    "training": training,
    "training-layers": training_layers,
    "training-frameworks": training_frameworks,
    "prompt": prompt,
    "large-recording": large_recording,
    "environments": environments,
    "poor-start": poor_start,
    "few-transitions": few_transitions,
    "learned": learned,
    "others": others,
    "larger": larger,
    "drawn": drawn,
    "short-trainings": short_trainings,
    "devices": devices,
    "exports": exports,
    "successors": successors,
    "solving": solving,
    "solving-curve": solving_curve,
}


def filled(text: str) -> str:
    """Put the tables that the results make between the comments that name them."""
    return MARKED.sub(lambda found: f"<!-- {found[1]} -->\n\n{TABLES[found[1]]()}\n\n<!-- /{found[1]} -->", text)


def differences() -> list[str]:
    """Name the tables that aren't those that the results make, a line for each."""
    return [
        f"{document}: table {found[1]} isn't what the results make; python benchmarks/tables.py writes it"
        for document in DOCUMENTS
        for found in MARKED.finditer((ROOT / document).read_text())
        if found[0] != filled(found[0])
    ]


def main(*words: str) -> int:
    """Write the tables, or only compare them; gives the exit code."""
    if words not in ((), ("--check",)):
        print(f"error: the only option is --check. Received: {' '.join(words)}")
        return 2
    if words:
        found = differences()
        print("\n".join(found), end="\n" * bool(found))
        return int(bool(found))
    for document in DOCUMENTS:
        place = ROOT / document
        place.write_text(filled(place.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
