"""Every layout in which CLIPs are published leads to exactly one set of weights.

Holds ``backbones/hub/listing.py``.
"""

import pytest

from tagalign.backbones.hub.choose import choose, shards_of, small_files, wants_conversions
from tagalign.backbones.hub.listing import Conversion, File, Listing, list_folder
from tagalign.errors import ModelError

HEAD, OLD = "a" * 40, "b" * 40
TOKENIZER = ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json")
SAFE, INDEX = "model.safetensors", "model.safetensors.index.json"
OPEN_SAFE, OPEN_PICKLE = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
PICKLE, CONFIG, OPEN_CONFIG = "pytorch_model.bin", "config.json", "open_clip_config.json"


def listing(*paths, conversions=()):
    return Listing(
        name="org/model", commit=HEAD, files=tuple(map(File, (*paths, *TOKENIZER))), conversions=conversions
    )


def conversion(number, parent, *paths):
    return Conversion(number, f"{number:040x}", parent, tuple(map(File, paths or (SAFE, CONFIG, PICKLE))))


@pytest.mark.parametrize(
    ("paths", "weights", "layout"),
    [
        ((CONFIG, SAFE), SAFE, "transformers"),
        ((CONFIG, SAFE, PICKLE, "tf_model.h5"), SAFE, "transformers"),
        ((CONFIG, INDEX, "model-00001-of-00002.safetensors"), INDEX, "transformers"),
        ((CONFIG, SAFE, INDEX), SAFE, "transformers"),  # a stale index beside the one file
        ((CONFIG, SAFE, OPEN_CONFIG, OPEN_SAFE), SAFE, "transformers"),  # two copies of one model
        ((OPEN_CONFIG, OPEN_SAFE, OPEN_PICKLE), OPEN_SAFE, "open_clip"),
        ((CONFIG, PICKLE, OPEN_CONFIG, OPEN_SAFE), OPEN_SAFE, "open_clip"),  # safetensors before any pickle
        ((CONFIG, PICKLE, "metaclip_b16_400m.bin"), PICKLE, "transformers"),
        ((CONFIG, PICKLE, OPEN_CONFIG, OPEN_PICKLE), PICKLE, "transformers"),
        ((OPEN_CONFIG, OPEN_PICKLE), OPEN_PICKLE, "open_clip"),
        ((CONFIG, "pytorch_model.bin.index.json"), "pytorch_model.bin.index.json", "transformers"),
        ((OPEN_CONFIG, OPEN_PICKLE, SAFE), OPEN_PICKLE, "open_clip"),  # safetensors without their config
    ],
)
def test_one_set_of_weights(paths, weights, layout):
    choice = choose(listing(*paths))
    assert (choice.weights.path, choice.layout) == (weights, layout)
    assert choice.pickled == (".bin" in weights)
    assert {*TOKENIZER} <= {file.path for file in choice.small} <= {*TOKENIZER, CONFIG, OPEN_CONFIG}


def test_the_conversion_of_the_present_head():
    pull = conversion(66, HEAD)
    choice = choose(listing(CONFIG, PICKLE, conversions=(pull,)))
    assert (choice.weights.path, choice.conversion, choice.pickled) == (SAFE, pull, False)
    assert pull.ref == "refs/pr/66"


def test_of_two_conversions_the_newest_that_fits():
    stale, fits, older = conversion(66, OLD), conversion(20, HEAD), conversion(15, HEAD)
    assert choose(listing(CONFIG, PICKLE, conversions=(stale, fits, older))).conversion == fits


def test_a_stale_conversion_is_passed_over_with_a_word():
    choice = choose(listing(CONFIG, PICKLE, conversions=(conversion(15, OLD),)))
    assert (choice.weights.path, choice.conversion) == (PICKLE, None)
    assert "refs/pr/15" in choice.passed_over[0]
    assert "bbbbbbbb, now aaaaaaaa" in choice.passed_over[0]


def test_safetensors_on_main_come_before_any_conversion():
    choice = choose(listing(CONFIG, SAFE, conversions=(conversion(66, HEAD),)))
    assert choice.conversion is None


def test_who_asks_for_conversions():
    assert wants_conversions(listing(CONFIG, PICKLE))
    assert not wants_conversions(listing(CONFIG, SAFE))
    assert not wants_conversions(
        listing(OPEN_CONFIG, OPEN_PICKLE)
    )  # the robot converts transformers' names alone


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        ((), "not a model folder"),
        ((SAFE,), "config.json is missing"),
        ((CONFIG,), "model.safetensors is missing; it has"),
        ((CONFIG, "tf_model.h5", "flax_model.msgpack"), "weights for Flax, TensorFlow alone"),
        ((CONFIG, "metaclip_b16_400m.bin"), "there is metaclip_b16_400m.bin, which is read under the names"),
    ],
)
def test_nothing_to_open(paths, says):
    with pytest.raises(ModelError, match=says) as caught:
        choose(listing(*paths))
    assert "\n" not in str(caught.value)


def test_small_files_leave_out_data_and_folders():
    files = (
        File(CONFIG, 10),
        File("train.json", 10**9),
        File("onnx/config.json", 5),
        File("spiece.model", 5),
        File(INDEX),
    )
    assert small_files(Listing(name="x", files=files)) == (File(CONFIG, 10),)


def test_shards_in_the_order_of_the_index():
    index = {"weight_map": {"a": "m-2.safetensors", "b": "m-1.safetensors", "c": "m-2.safetensors"}}
    found = shards_of(index, listing("m-1.safetensors", "m-2.safetensors"), INDEX)
    assert [file.path for file in found] == ["m-2.safetensors", "m-1.safetensors"]


@pytest.mark.parametrize(
    ("index", "says"),
    [
        (
            {"weight_map": {"a": "m-1.safetensors", "b": "m-3.safetensors"}},
            "names m-3.safetensors, which is not there",
        ),
        ({"weight_map": {"a": "../m-1.safetensors"}}, "which is not there"),
        ({"weight_map": {}}, "damaged"),
        ({"weight_map": {"a": 1}}, "damaged"),
        ({}, "damaged"),
    ],
)
def test_an_index_that_does_not_fit(index, says):
    with pytest.raises(ModelError, match=says):
        shards_of(index, listing("m-1.safetensors"), INDEX)


def test_a_folder_is_listed_without_its_dead_links(tmp_path):
    (tmp_path / CONFIG).write_text("{}")
    (tmp_path / "sub").mkdir()
    (tmp_path / SAFE).symlink_to(tmp_path / "gone")
    found = list_folder(tmp_path)
    assert [file.path for file in found.top()] == [CONFIG]
    assert found[CONFIG].size == 2
