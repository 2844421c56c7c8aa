"""How a folder says that pixels become numbers, in all the forms that occur."""

import json

import pytest
from PIL import Image

from tagalign.backbones.pixels import resize
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.processor_files import read_preprocessing
from tagalign.errors import ModelError

OURS = Preprocessing(image_size=448, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0))
FLAT = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.1]}


def read(folder, name=None, values=None, default=OURS):
    if name is not None:
        (folder / name).write_text(json.dumps(values))
    return read_preprocessing(folder, default=default)


def test_without_a_file_it_is_the_familys(tmp_path):
    assert read(tmp_path) == OURS


def test_flat_values(tmp_path):
    found = read(tmp_path, "preprocessor_config.json", FLAT)
    assert (found.mean, found.std, found.image_size) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.1), 448)


def test_the_nested_file_of_transformers_5(tmp_path):
    found = read(tmp_path, "processor_config.json", {"image_processor": FLAT, "processor_class": "X"})
    assert found.mean == (0.5, 0.4, 0.3)


def test_the_flat_file_wins_where_both_are_there(tmp_path):
    read(tmp_path, "processor_config.json", {"image_processor": {"image_mean": [0, 0, 0]}})
    assert read(tmp_path, "preprocessor_config.json", FLAT).mean == (0.5, 0.4, 0.3)


def test_no_normalisation_is_mean_0_and_deviation_1(tmp_path):
    found = read(tmp_path, "preprocessor_config.json", FLAT | {"do_normalize": False})
    assert (found.mean, found.std) == ((0, 0, 0), (1, 1, 1))


def test_what_a_file_leaves_out_is_the_familys(tmp_path):
    assert read(tmp_path, "preprocessor_config.json", {"do_resize": True}) == OURS


@pytest.mark.parametrize(
    ("size", "squash"),
    [
        (224, False), ({"shortest_edge": 224}, False), ({"height": 224, "width": 224}, True), (None, True),
        ({"longest_edge": 224}, False),
    ],
)  # fmt: skip
def test_height_and_width_squash(size, squash, tmp_path):
    default = Preprocessing(image_size=224, squash=True)
    assert read(tmp_path, "preprocessor_config.json", {"size": size}, default).squash is squash


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_mean": [0.5, 0.5]}, "three numbers in image_mean"),
        ({"image_mean": 0.5}, "three numbers in image_mean"),
        ({"image_std": [0.5, 0.0, 0.5]}, "image_std: expected positive numbers"),
        ({"image_std": [0.5, -1, 0.5]}, "image_std: expected positive numbers"),
        ([1], "expected the JSON of an image processor, got list"),
    ],
)
def test_values_that_cannot_be_used(values, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        read(tmp_path, "preprocessor_config.json", values)


@pytest.mark.parametrize("number", range(6))
def test_the_filter_is_pillows_of_that_number(tmp_path, number):
    found = read(tmp_path, "preprocessor_config.json", FLAT | {"resample": number})
    photo = Image.effect_noise((40, 30), 90).convert("RGB")
    theirs = photo.resize((16, 16), Image.Resampling(number))
    assert resize(photo, (16, 16), found.resample).tobytes() == theirs.tobytes()


@pytest.mark.parametrize("number", [6, -1, "3", 2.5, True])
def test_an_unknown_filter_is_refused(tmp_path, number):
    with pytest.raises(ModelError, match="resample: expected a number from 0 to 5"):
        read(tmp_path, "preprocessor_config.json", FLAT | {"resample": number})
