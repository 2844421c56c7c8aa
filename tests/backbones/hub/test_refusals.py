"""What cannot be opened is refused in one line with exit 2, fetches no weights it need not, and leaves the cache usable."""

import json

import pytest
import torch
from safetensors.torch import load, save

from tagalign.testing.clip_layouts.weights import shard_files

WEIGHTS = "model.safetensors"


def changed(good_files, name, **values):
    """A JSON file of the good repository with other values."""
    return {name: json.dumps(json.loads(good_files[name]) | values).encode()}


def config_with(good_files, tower, **values):
    config = json.loads(good_files["config.json"])
    return {"config.json": json.dumps(config | {tower: config[tower] | values}).encode()}


def weights_with(good_files, change):
    state = load(good_files[WEIGHTS])
    change(state)
    return {WEIGHTS: save(state)}


def test_a_wrong_id(hub, tag):
    refusal = tag("lab/mian").refusal
    assert refusal.startswith("lab/mian: the hub has no such model")


@pytest.mark.parametrize(
    "name", ["lab/a/b", "lab/", ".lab/a", "lab/..", "@main", "lab/main@", "clip", "lab/a b"]
)
def test_what_is_no_id_at_all(hub, tag, name):
    assert tag(name).refusal.startswith(name)
    assert hub.log.requests == ()


@pytest.mark.parametrize(("kind", "said"), [("dataset", "is a data set"), ("space", "is a space")])
def test_the_id_of_something_else(hub, tag, offer, kind, said):
    assert said in tag(offer(f"lab/a-{kind}", {}, kind=kind)).refusal


def test_a_revision_that_is_not_there(hub, tag):
    assert "no revision 'v9'" in tag("lab/main@v9").refusal
    assert tag("lab/main").code == 0


@pytest.mark.parametrize("kind", ["bert", "llava", "dinov2", "clip_vision_model", "siglip2"])
def test_a_model_of_another_kind_is_refused_before_its_weights_are_fetched(hub, tag, offer, good_files, kind):
    id = offer(f"lab/{kind}", changed(good_files, "config.json", model_type=kind))
    assert repr(kind) in tag(id).refusal
    assert f"{id}/{WEIGHTS}" not in hub.log.bytes_sent()


def test_a_config_without_a_kind(hub, tag, offer):
    id = offer("lab/kindless", {"config.json": b"{}"})
    assert "model_type" in tag(id).refusal


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_damaged_config(hub, tag, offer, good_files, data):
    id = offer("lab/damaged", {"config.json": data})
    assert "config.json" in tag(id).refusal
    hub.repository("model", id).commit({"config.json": good_files["config.json"]})
    assert tag(id).code == 0


def test_half_the_shards(hub, tag, offer, good_files):
    shards = shard_files(load(good_files[WEIGHTS]))
    id = offer("lab/half", {**shards, WEIGHTS: None, "model-00003-of-00003.safetensors": None})
    assert "model-00003-of-00003.safetensors" in tag(id).refusal
    assert not [name for name in hub.log.bytes_sent() if name.endswith(".safetensors")]
    hub.repository("model", id).commit(shards)
    assert tag(id).code == 0


@pytest.mark.parametrize("place", ["../model.safetensors", "/etc/passwd", "sub/model.safetensors", 3])
def test_an_index_that_names_a_file_elsewhere(hub, tag, offer, good_files, place):
    index = {"weight_map": dict.fromkeys(load(good_files[WEIGHTS]), place)}
    id = offer("lab/elsewhere", {f"{WEIGHTS}.index.json": json.dumps(index).encode(), WEIGHTS: None})
    assert tag(id).refusal.startswith(id)


def test_a_local_folder_with_half_the_shards(tag, good_files, tmp_path):
    folder = tmp_path / "local"
    folder.mkdir()
    for name, data in (good_files | shard_files(load(good_files[WEIGHTS]))).items():
        if name not in (WEIGHTS, "model-00002-of-00003.safetensors"):
            (folder / name).write_bytes(data)
    assert "model-00002-of-00003.safetensors" in tag(str(folder)).refusal


def test_a_key_too_many_a_key_too_few_and_another_shape(hub, tag, offer, good_files):
    def add(state):
        state["vision_model.extra.weight"] = torch.zeros(2)

    def drop(state):
        del state["text_model.final_layer_norm.bias"]

    def reshape(state):
        state["visual_projection.weight"] = torch.zeros(3, 3)

    for change, named in (
        (add, "extra.weight"),
        (drop, "text tower: weights do not fit"),
        (reshape, "vision tower: weights do not fit"),
    ):
        id = offer(f"lab/{change.__name__}", weights_with(good_files, change))
        assert named in tag(id).refusal


@pytest.mark.parametrize("keep", [0, 7, 1000, -1])
def test_weights_that_are_cut_on_the_hub_itself(hub, tag, offer, good_files, keep):
    id = offer(f"lab/cut{keep}", {WEIGHTS: good_files[WEIGHTS][:keep]})
    assert "truncated" in tag(id).refusal
    hub.repository("model", id).commit({WEIGHTS: good_files[WEIGHTS]})
    assert tag(id).code == 0


def test_weights_that_are_not_numbers(hub, tag, offer, good_files):
    def spoil(state):
        state["visual_projection.weight"][0, 0] = float("nan")

    done = tag(offer("lab/nan", weights_with(good_files, spoil)))
    assert done.code == 0 or "finite" in done.refusal  # opened or refused, never a traceback


def test_the_tokenizer_of_another_model(hub, tag, offer, good_files):
    tokenizer = json.loads(good_files["tokenizer.json"])
    tokenizer["model"]["vocab"] = {
        name: (id if id < 500 else id + 1000) for name, id in tokenizer["model"]["vocab"].items()
    }
    tokenizer["added_tokens"] = [token | {"id": token["id"] + 1000} for token in tokenizer["added_tokens"]]
    id = offer("lab/other-words", {"tokenizer.json": json.dumps(tokenizer).encode()})
    assert "different models" in tag(id).refusal


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"model": {"type": "BPE", "vocab": 3}}'])
def test_a_damaged_tokenizer(hub, tag, offer, data):
    assert "tokenizer" in tag(offer("lab/mute", {"tokenizer.json": data})).refusal


def test_no_tokenizer(hub, tag, offer):
    id = offer("lab/wordless", {"tokenizer.json": None, "tokenizer_config.json": None})
    assert "tokenizer" in tag(id).refusal


@pytest.mark.parametrize("tower", ["text_config", "vision_config"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", -32),
        ("num_hidden_layers", -1),
        ("num_attention_heads", 0),
        ("num_attention_heads", 5),
        ("intermediate_size", "many"),
        ("hidden_size", 1e12),
        ("hidden_act", "swish-of-ours"),
    ],
)
def test_a_size_that_cannot_be(hub, tag, offer, good_files, tower, field, value):
    id = offer("lab/sizes", config_with(good_files, tower, **{field: value}))
    assert field in tag(id).refusal or "weights do not fit" in tag(id).refusal


@pytest.mark.parametrize(("field", "value"), [("image_size", -224), ("patch_size", 0), ("patch_size", 5000)])
def test_a_picture_that_cannot_be(hub, tag, offer, good_files, field, value):
    id = offer("lab/picture", config_with(good_files, "vision_config", **{field: value}))
    assert tag(id).refusal


def test_a_repository_with_nothing_of_ours(hub, tag, offer, good_files):
    nothing = dict.fromkeys(good_files)
    assert tag(offer("lab/empty", nothing | {"README.md": b"soon"})).refusal
    keras = nothing | {"config.json": good_files["config.json"], "tf_model.h5": b"x" * 100}
    assert "TensorFlow" in tag(offer("lab/keras", keras)).refusal
