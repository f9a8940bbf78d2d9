"""A Minari dataset whose observations are pictures is a recording."""

import numpy as np
import pytest
from small_recordings import recorded

from pipeline.command_line.options import GenerateCommand
from pipeline.dataset.checks import check_digest, open_dataset
from pipeline.generation.stage import ensure_dataset
from pipeline.sources.opening import open_source
from pipeline.system.errors import UserError

minari, spaces = pytest.importorskip("minari"), pytest.importorskip("gymnasium").spaces


def make(name: str, as_dictionary=False, actions=None, **given) -> dict[str, np.ndarray]:
    """Make a Minari dataset of lights out; gives the arrays that are in it."""
    arrays = recorded(episodes=12)
    picture = spaces.Box(0, 255, arrays["images"].shape[1:], np.uint8)
    buffers = []
    for number in range(12):
        here = arrays["episode"] == number
        images, steps = arrays["images"][here], int(here.sum()) - 1
        seen = {"picture": images, "mission": np.zeros((steps + 1, 2), np.float32)} if as_dictionary else images
        taken = arrays["action"][here][:-1] if actions is None else np.zeros((steps, 2), np.float32)
        ends = np.arange(steps) == steps - 1
        buffers.append(
            minari.data_collector.EpisodeBuffer(
                id=number,
                observations=seen,
                actions=taken,
                rewards=np.arange(steps, dtype=float),
                terminations=ends & (number % 2 == 0),
                truncations=ends & (number % 2 == 1),
            )
        )  # fmt: skip
    wide = spaces.Dict({"picture": picture, "mission": spaces.Box(0, 1, (2,), np.float32)})
    minari.create_dataset_from_buffers(
        name, buffers, observation_space=wide if as_dictionary else picture,
        action_space=spaces.Discrete(16) if actions is None else actions, **given,
    )  # fmt: skip
    return arrays


@pytest.fixture(autouse=True)
def datasets(place, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(place / "minari"))


@pytest.mark.parametrize("as_dictionary", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_its_episodes_become_a_dataset(as_dictionary, place):
    arrays = make("lights/walk-v0", as_dictionary)
    with open_dataset(ensure_dataset(GenerateCommand(dataset="minari:lights/walk-v0"))) as file:
        check_digest(file)
        images = np.concatenate([file[split]["images"][:] for split in file])
        assert sorted(image.tobytes() for image in images) == sorted(image.tobytes() for image in arrays["images"])
        assert sum(len(file[split]["actions"]) for split in file) == 12 * 25
        assert sum(file[split]["terminated"][:].sum() for split in file) == 6  # a time limit doesn't end the world
        assert file.attrs["dataset"] == "walk-v0"


@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_used_is_refused_in_one_line(place):
    with pytest.raises(UserError, match=r"the Minari dataset lights/none-v0 can't be used: .*`minari list local`"):
        open_source("minari:lights/none-v0")
    make("lights/continuous-v0", actions=spaces.Box(0, 1, (2,)))
    with pytest.raises(UserError, match=r"its actions must be discrete. Received: "):
        open_source("minari:lights/continuous-v0")
