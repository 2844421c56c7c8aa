"""The layouts of one CLIP against transformers itself: what it can open gives the numbers of the source folder.

Holds ``testing/clip_layouts/weights.py`` and ``testing/clip_layouts/small_files.py``.
"""

import json

import pytest
import torch
from safetensors.torch import load
from transformers import AutoTokenizer, CLIPModel

from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.clip_layouts import clip_repositories
from tagalign.testing.clip_layouts.weights import open_clip_state, read_state

SHARDED, ONE = "model.safetensors.index.json", "model.safetensors"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_clip_folder(tmp_path_factory.mktemp("layouts") / "source", layers=2)


@pytest.fixture(scope="module")
def layouts(source):
    return {layout.name: layout for layout in clip_repositories(source)}


def write(layout, folder):
    """The files on main as a folder; of a conversion, with its weights."""
    pulls = [pull.head for pull in layout.repository.pull_requests if pull.head]
    files = dict(layout.repository.main.files)
    if layout.weights == (ONE,) and ONE not in files:
        files[ONE] = pulls[-2 if len(pulls) > 1 else -1].files[ONE]
    folder.mkdir()
    for name, file in files.items():
        (folder / name).write_bytes(file.contents)
    return folder


def embeds(folder):
    clip = CLIPModel.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        pixels = torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)
        image = clip.get_image_features(pixels).pooler_output
        ids = torch.tensor([[512, 70, 71, 513]])
        return torch.cat([image, clip.get_text_features(ids).pooler_output])


def test_transformers_reads_every_layout_of_its_own(source, layouts, tmp_path):
    expected, seen = embeds(source), set()
    for name, layout in layouts.items():
        files = layout.repository.main.files
        if "config.json" in files and layout.weights[0].startswith("model"):
            found = embeds(write(layout, tmp_path / name))
            assert torch.allclose(found, expected, atol=layout.tolerance), name
            seen.add(name)
    assert {"main", "shards", "float16", "filled-dicts", "only-dicts", "conversion", "old-config"} <= seen


def test_vocabulary_and_merges_are_the_tokenizer(source, layouts, tmp_path):
    old = dict(layouts["old-config"].repository.main.files)
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        (tmp_path / name).write_bytes(old[name].contents)
    text = "a Dog's ball"
    expected = AutoTokenizer.from_pretrained(source)(text)["input_ids"]
    assert AutoTokenizer.from_pretrained(tmp_path)(text)["input_ids"] == expected


def test_the_names_of_open_clip_hold_the_same_numbers(source, layouts):
    state = read_state(source)
    theirs = open_clip_state(state)
    assert sum(t.numel() for t in theirs.values()) == sum(t.numel() for t in state.values())
    x = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    block = "vision_model.encoder.layers.1.self_attn."
    rows = x @ theirs["visual.transformer.resblocks.1.attn.in_proj_weight"].T
    separate = [x @ state[f"{block}{part}_proj.weight"].T for part in "qkv"]
    assert torch.allclose(rows, torch.cat(separate, dim=1), atol=1e-6)  # one product instead of three
    assert torch.equal(theirs["visual.proj"], state["visual_projection.weight"].T)
    custom = load(
        layouts["open-clip-custom-text"].repository.main.files["open_clip_model.safetensors"].contents
    )
    assert {name for name in custom if not name.startswith(("text.", "visual."))} == {"logit_scale"}


def test_an_index_names_every_tensor_once(source, layouts):
    files = layouts["shards"].repository.main.files
    places = json.loads(files[SHARDED].contents)["weight_map"]
    assert set(places) == set(read_state(source))
    for shard in layouts["shards"].weights:
        assert set(load(files[shard].contents)) == {name for name, place in places.items() if place == shard}
