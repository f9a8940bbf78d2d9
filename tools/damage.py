"""Damage dataset files at random and make sure that each damage is found before it can reach training, or harmless.

    python tools/damage.py 150 --seed 1

Of three damages two flip a single bit and one cuts the file. A damage is found when the command line refuses to use
the file as it is or reading it does; it is harmless when every array and every attribute is read as before. Ends with
exit code 1 if one was neither. Checkpoints and models have checksums of their own, which `tests/trust` tries.
"""

import hashlib
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import fire
import h5py
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))
from pipeline.command_line.options import GenerateCommand
from pipeline.dataset.cache import check_usable
from pipeline.dataset.checks import Unusable, open_dataset
from pipeline.dataset.key import DatasetKey
from pipeline.generation.stage import attributes_of, ensure_dataset

DATASETS = ({"dataset": "lightsout_4x4", "dataset_size": 300, "img_size": (4, 4)},
            {"dataset": "slidepuzzle_3x3", "dataset_size": 3000, "img_size": (24, 24)})  # fmt: skip


def main(number: int = 150, seed: int = 0) -> int:
    """Damage some files and print what came of it; gives the exit code."""
    rng, tally = random.Random(seed), Counter()
    with tempfile.TemporaryDirectory() as folder:
        wanted = [GenerateCommand(data_dir=f"{folder}/made", **given) for given in DATASETS]
        whole = [ensure_dataset(options) for options in wanted]
        contents = [path.read_bytes() for path in whole]
        right = [everything_in(path) for path in whole]
        for count in tqdm(range(number), "damaging", unit="file"):
            which = count % len(wanted)
            damaged, kind = damage(contents[which], count % 3 == 2, rng)
            path = Path(folder) / "damaged.h5"
            path.write_bytes(damaged)
            tally[kind, result(path, attributes_of(DatasetKey.of(wanted[which])), right[which])] += 1
    for (kind, what), times in sorted(tally.items()):
        print(f"{kind:10} {what:24} {times:6}")
    return int(any(what == "MISSED" for _, what in tally))


def damage(content: bytes, cut: bool, rng: random.Random) -> tuple[bytes, str]:
    """Cut a file somewhere, or flip one of its bits."""
    if cut:
        return content[: rng.randrange(len(content))], "cut"
    place, changed = rng.randrange(len(content)), bytearray(content)
    changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed), "bit flip"


def result(path: Path, attributes: dict, right: str) -> str:
    """Say whether a damaged file is found, and when."""
    try:
        check_usable(path, attributes)
    except Unusable:
        return "found when it is opened"
    try:
        return "harmless" if everything_in(path) == right else "MISSED"
    except Unusable:
        return "found when it is read"


def everything_in(path: Path) -> str:
    """Hash every array and every attribute."""
    digest = hashlib.sha256()

    def add(name, part):
        digest.update(
            f"{name} {sorted((key, np.asarray(value).tolist()) for key, value in part.attrs.items())}".encode()
        )
        if isinstance(part, h5py.Dataset):
            digest.update(part[()].tobytes())

    with open_dataset(path) as file:
        add("/", file)
        file.visititems(add)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(fire.Fire(main, serialize=lambda code: None))
