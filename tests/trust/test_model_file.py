"""A model file that is damaged, foreign or malicious is refused in one line, before it can do anything."""

import io
import json
import resource
import shutil
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest

from pipeline.architectures import WORLD_MODELS, load_architecture
from pipeline.command_line.options import OPTIMIZERS
from pipeline.system.errors import UserError
from pipeline.training import start
from pipeline.world_model.loading import load_world_model, model_digest
from pipeline.world_model.model import FORMAT_VERSION, build_world_model

SIZE = (16, 16)
MOST_KILOBYTES = 100_000  # of memory that a refusal may take on top


def built(name="lightsout", optimizer="adam"):
    """A world model as training makes it."""
    model = build_world_model(load_architecture(name), SIZE, 4, None)
    start.compile_for_training(
        model, SimpleNamespace(world_model=name, optimizer=optimizer, learning_rate=None, train_epochs=1), 10
    )
    return model


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "good.keras"
    built().save(path)
    return path


@pytest.fixture
def bad(good, tmp_path):
    """A copy of the good model to spoil."""
    return shutil.copy(good, tmp_path / "bad.keras")


def parts_of(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, parts, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def change_config(path, change):
    parts = parts_of(path)
    config = json.loads(parts["config.json"])
    change(config)
    write(path, parts | {"config.json": json.dumps(config).encode()})


def change_weights(path, change):
    parts = parts_of(path)
    content = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        change(file)
    write(path, parts | {"model.weights.h5": content.getvalue()})


def layers_of(config, part):
    return config["config"][part]["config"]["layers"]


def refused(path) -> str:
    """Load a file that must be refused; gives what is said of it."""
    with pytest.raises(UserError) as refusal:
        load_world_model(path)
    assert "\n" not in str(refusal.value) and str(path) in str(refusal.value)
    return str(refusal.value)


# ---- what is accepted


@pytest.mark.parametrize("name", WORLD_MODELS)
def test_every_world_model_is_loaded_as_it_was_saved(name, tmp_path):
    model = built(name)
    model.save(tmp_path / "model.keras")
    again = load_world_model(tmp_path / "model.keras", SIZE)
    assert model_digest(again) == model_digest(model)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_model_saved_and_loaded_trains_on_bit_for_bit_with_every_optimizer(optimizer, tmp_path):
    rng = np.random.default_rng(0)
    batches = [
        {name: rng.integers(0, 2, (8, 6), np.uint8) for name in ("code", "next_code")}
        | {"action": rng.integers(0, 2, 8).astype(np.int32)}
        for _ in range(3)
    ]
    model = build_world_model(replace(load_architecture("lightsout"), max_bits=6), (4, 4), 2, None)
    model.encoder.trainable = model.decoder.trainable = False
    start.compile_for_training(
        model, SimpleNamespace(world_model="lightsout", optimizer=optimizer, learning_rate=None, train_epochs=1), 10
    )
    model.run_eagerly, model.jit_compile = True, False
    model.train_on_batch(batches[0])
    model.train_on_batch(batches[1])
    model.save(tmp_path / "model.keras")
    again = load_world_model(tmp_path / "model.keras")
    again.run_eagerly, again.jit_compile = True, False
    for one in (model, again):
        one.train_on_batch(batches[2])
    assert model_digest(again) == model_digest(model)


def test_the_digest_tells_any_weight_apart(good):
    model = load_world_model(good)
    before = model_digest(model)
    assert before == model_digest(load_world_model(good))
    weight = model.decoder.weights[-1]
    weight.assign(np.nextafter(keras.ops.convert_to_numpy(weight), np.float32(1)))
    assert model_digest(model) != before


def test_a_model_for_other_images_is_refused(good):
    with pytest.raises(UserError, match=r"--img_size must be 16 16, .* Received: --img_size 32 32"):
        load_world_model(good, (32, 32))


# ---- damage


def test_every_truncation_is_refused(good, bad):
    content = good.read_bytes()
    for size in (0, 1, 30, 1000, len(content) // 2, len(content) - 1):
        bad.write_bytes(content[:size])
        refused(bad)


def test_a_flipped_bit_is_refused_or_harmless(good, bad):
    content, digest = good.read_bytes(), model_digest(load_world_model(good))
    found = 0
    for position in np.random.default_rng(1).choice(8 * len(content), 40, replace=False).tolist():
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << position % 8
        bad.write_bytes(flipped)
        try:
            assert model_digest(load_world_model(bad)) == digest
        except UserError:
            found += 1
    assert found > 35


@pytest.mark.parametrize(
    "content", [b"", b"not a model", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "empty zip"]
)
def test_what_is_no_model_is_refused(content, bad):
    bad.write_bytes(content)
    refused(bad)


def test_another_keras_model_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "other.keras")
    assert "another kind of model" in refused(tmp_path / "other.keras")


@pytest.mark.parametrize("version", [None, 0, -1, True, "1", [1], 1.0])
def test_a_model_of_an_older_format_or_of_none_says_to_train_again(version, bad):
    def change(config):
        if version is None:
            del config["config"]["format_version"]
        else:
            config["config"]["format_version"] = version

    change_config(bad, change)
    assert "an older version of this program saved it" in (said := refused(bad)) and "train again" in said


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 10**30])
def test_a_model_of_a_newer_format_says_to_use_the_newer_version(version, bad):
    change_config(bad, lambda config: config["config"].update(format_version=version))
    assert "a newer version of this program saved it" in (said := refused(bad)) and "use the newer version" in said


def test_keras_itself_refuses_another_format_too(bad):
    change_config(bad, lambda config: config["config"].update(format_version=0))
    with pytest.raises(Exception, match="train again"):
        keras.models.load_model(bad)


# ---- malice


@pytest.mark.parametrize(
    "name", [None, "", "cube", "os", "../architectures/lightsout", "__init__", ["lightsout"], 10**30]
)
def test_an_architecture_that_is_not_here_is_refused_and_nothing_is_imported(name, bad):
    change_config(bad, lambda config: config["config"].update(architecture=name))
    before = set(sys.modules)
    assert "its architecture must be one of rubikscube, " in refused(bad)
    assert set(sys.modules) == before


@pytest.mark.parametrize("name", ["sokoban", "jaxtar"])
def test_a_model_that_is_not_made_of_what_its_architecture_is_made_of_is_refused(name, bad):
    change_config(bad, lambda config: config["config"].update(architecture=name))
    assert "LinearPerAction, and such models don't" in refused(bad)


def test_a_lambda_layer_is_refused(bad):
    def change(config):
        layer = keras.layers.Lambda(lambda x: x * 2)
        layers_of(config, "encoder").insert(1, keras.saving.serialize_keras_object(layer))

    change_config(bad, change)
    assert "Lambda" in refused(bad)


@pytest.mark.parametrize(
    "planted",
    [
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
        {"module": "os", "class_name": "system", "config": "id", "registered_name": None},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp"}, "registered_name": None},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://x"}, "registered_name": None},
        {"class_name": "__lambda__", "config": {"value": ["4wAA", None, None]}},
        {"module": "os", "class_name": "Dense", "config": {}, "registered_name": "discrete_world_model>Dense"},
        {"module": ["os"], "class_name": {"a": 1}, "config": {}, "registered_name": 7},
    ],
    ids=["builtin", "system", "saved model", "download", "lambda", "ours in name only", "no names"],
)
@pytest.mark.parametrize("place", ["layer", "activation", "compile_config"])
def test_a_class_that_our_models_do_not_have_is_refused_wherever_it_stands(planted, place, bad):
    def change(config):
        if place == "layer":
            layers_of(config, "decoder").append(planted)
        elif place == "activation":
            layers_of(config, "encoder")[-1]["config"]["activation"] = planted
        else:
            config["compile_config"]["loss"] = planted

    change_config(bad, change)
    assert "such models don't" in refused(bad)


@pytest.mark.parametrize("units", [10**7, 10**12, 10**30])
def test_a_huge_declared_layer_is_refused_without_taking_the_memory(units, bad):
    def change(config):
        layers_of(config, "encoder")[-1]["config"]["units"] = units

    change_config(bad, change)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(bad)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KILOBYTES


@pytest.mark.parametrize("reach", [10**4, 10**9, 10**30, -1, "far"])
def test_a_cell_that_claims_to_see_too_far_is_refused_without_taking_the_memory(reach, tmp_path):
    def change(config):
        [cross] = [layer for layer in layers_of(config, "transition") if layer["class_name"] == "Cross"]
        cross["config"]["reach"] = reach

    path = tmp_path / "bad.keras"
    built("sokoban").save(path)
    change_config(path, change)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KILOBYTES


def test_a_huge_declared_image_is_refused(bad):
    def change(config):
        for layer in (layers_of(config, "encoder")[0],):
            layer["config"]["batch_shape"] = [None, 10**6, 10**6, 3]

    change_config(bad, change)
    refused(bad)


def test_deep_nesting_is_refused(bad):
    parts = parts_of(bad)
    write(bad, parts | {"config.json": b"[" * 100_000 + b"]" * 100_000})
    refused(bad)


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "assets/payload.bin", "config.json/x"])
def test_a_member_that_does_not_belong_there_is_refused(name, bad):
    write(bad, parts_of(bad) | {name: b"payload"})
    assert "it must hold" in refused(bad)


def test_a_compressed_member_is_refused_so_that_no_bomb_can_go_off(bad):
    parts = parts_of(bad)
    write(bad, parts | {"model.weights.h5": bytes(10**8)}, zipfile.ZIP_DEFLATED)
    assert bad.stat().st_size < 10**6
    assert "compressed" in refused(bad)


def kernel_of(file):
    return file["encoder/layers/dense/vars"]


@pytest.mark.parametrize("kind", ["external link", "soft link", "external storage", "virtual", "not allocated", "text"])
def test_weights_that_are_not_in_the_file_are_refused(kind, bad, tmp_path):
    def change(file):
        group = kernel_of(file)
        shape = group["0"].shape
        del group["0"]
        if kind == "external link":
            group["0"] = h5py.ExternalLink("/etc/passwd", "/secret")
        elif kind == "soft link":
            group["0"] = h5py.SoftLink("/decoder")
        elif kind == "external storage":
            group.create_dataset("0", shape, "f4", external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape, "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", shape)
            group.create_virtual_dataset("0", layout)
        elif kind == "not allocated":
            group.create_dataset("0", (10**6, 10**6), "f4", chunks=(1000, 1000))
        else:
            group.create_dataset("0", shape, h5py.string_dtype())

    change_weights(bad, change)
    assert "weights" in refused(bad)


def test_weights_of_another_shape_are_refused(bad):
    def change(file):
        group = kernel_of(file)
        shape = group["0"].shape
        del group["0"]
        group["0"] = np.zeros(shape[::-1], np.float32)

    change_weights(bad, change)
    refused(bad)
