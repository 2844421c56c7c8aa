"""Every layout has the weights that it says, and the ones that must not be taken hold other numbers."""

import pytest
import torch
from safetensors.torch import load

from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.clip_layouts.repositories import CONVERSION_TITLE, clip_repositories
from tagalign.testing.clip_layouts.weights import open_clip_state, read_state


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_clip_folder(tmp_path_factory.mktemp("layouts") / "source", layers=2)


@pytest.fixture(scope="module")
def layouts(source):
    return {layout.name: layout for layout in clip_repositories(source)}


def states(layout):
    """Main, and what is proposed."""
    heads = [pull.head for pull in layout.repository.pull_requests if pull.head is not None]
    return [layout.repository.main.files, *(head.files for head in heads)]


def tensors(files, names):
    found = {}
    for name in names:
        found |= load(files[name].contents)
    return found


def test_names_and_ids_are_told_apart(layouts, source):
    assert len(layouts) == len(clip_repositories(source))
    ids = [layout.repository.id for layout in layouts.values()]
    assert len(set(ids)) == len(ids)


def test_expected_weights_are_there_in_one_state(layouts):
    for name, layout in layouts.items():
        assert any(set(layout.weights) <= set(files) for files in states(layout)), name


def test_safetensors_that_are_expected_hold_the_source_and_rejected_ones_do_not(layouts, source):
    """Under transformers' names or open_clip's, whole or in shards, in the precision that the tolerance allows."""
    own, theirs = read_state(source), open_clip_state(read_state(source))
    compared = set()
    for name, layout in layouts.items():
        if not all(weight.endswith(".safetensors") for weight in layout.weights):
            continue
        held = [
            tensors(files, layout.weights) for files in states(layout) if set(layout.weights) <= set(files)
        ]
        right = [one for one in held if any(bool(tensor.float().abs().sum()) for tensor in one.values())]
        assert len(right) == 1, f"{name}: one state has numbers"
        (found,) = right
        wanted = theirs if "visual.proj" in found or "open-clip" in name else own
        for key, tensor in found.items():
            plain = key.removeprefix("text.")
            if plain in wanted:
                # half precision keeps 8 bits, bfloat16's
                torch.testing.assert_close(tensor.float(), wanted[plain].float(), rtol=2**-8, atol=1e-6)
                compared.add(name)
    assert {"main", "shards", "float16", "bfloat16", "both", "open-clip", "conversion"} <= compared


def test_only_a_strangers_pickle_needs_to_be_allowed(layouts):
    strangers = {name for name, layout in layouts.items() if layout.is_unknown_pickle}
    assert strangers == {
        "legacy-pickle", "conversion-other-title", "conversion-other-author", "conversion-closed",
    }  # fmt: skip
    for name in strangers:
        assert layouts[name].repository.id.startswith("lab/")
        assert all(weight.endswith(".bin") for weight in layouts[name].weights)


def test_conversions_that_are_not_to_be_followed_are_another_title_author_or_closed(layouts):
    for name, wrong in (("other-title", "title"), ("other-author", "author"), ("closed", "status")):
        (pull,) = layouts[f"conversion-{name}"].repository.pull_requests
        good = {"title": CONVERSION_TITLE, "author": "SFconvertbot", "status": "open"}
        assert {field for field, value in good.items() if getattr(pull, field) != value} == {wrong}
    stale = layouts["conversion-stale"].repository
    (pull,) = stale.pull_requests
    assert pull.head.parent is not stale.main  # main has moved on
    followed = layouts["conversion"].repository
    assert followed.pull_requests[0].head.parent is followed.main


def test_half_precision_alone_is_less_exact(layouts):
    assert {name for name, layout in layouts.items() if layout.tolerance > 1e-6} == {"float16", "bfloat16"}
