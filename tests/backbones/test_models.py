"""The table of published checkpoints is whole, and agrees with itself."""

import dataclasses

import pytest

from tagalign.backbones.families import FAMILIES
from tagalign.backbones.models import find_model, known_models, photo_model, resolve_auto

MODELS = known_models()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_an_entry(model):
    assert model.id.count("/") == 1
    assert model.family in FAMILIES
    assert model.layout in {"transformers", "open_clip", "both"}
    assert 0 < model.patch_size < model.image_size
    assert model.good_for
    if model.parameters and model.download:
        assert 1.9 * model.parameters <= model.download <= 4.1 * model.parameters  # float16 to float32
    assert (model.licence is not None) or not model.non_commercial


def test_ids_are_given_once():
    assert len({model.id.lower() for model in MODELS}) == len(MODELS)


def test_metaclip_is_marked():
    marked = {model.id for model in MODELS if model.non_commercial}
    assert marked == {model.id for model in MODELS if "NC" in (model.licence or "")}
    assert "facebook/metaclip-b16-400m" in marked


def test_names_are_found_with_their_revision_and_in_any_case():
    entry = find_model("OpenAI/clip-vit-base-patch16@main")
    assert entry is not None
    assert entry.id == "openai/clip-vit-base-patch16"
    assert find_model("lab/unknown") is None


def test_auto_is_in_the_table():
    assert find_model(photo_model()) is not None
    assert resolve_auto("auto") == photo_model()
    assert resolve_auto("tiny") == "tiny"


def test_an_entry_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODELS[0].licence = "none"
