"""``config.json`` in the forms that occur, against what transformers makes of the same values."""

import pytest
import torch

from tagalign.backbones.config import heads_of, number, part_of, size
from tagalign.backbones.families import FAMILIES
from tagalign.errors import ModelError

SMALL_TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
              "vocab_size": 60, "max_position_embeddings": 12, "eos_token_id": 59}  # fmt: skip
SMALL_VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
                "image_size": 16, "patch_size": 8}  # fmt: skip

FORMS = {
    "plain": {"text_config": SMALL_TEXT, "vision_config": SMALL_VISION},
    "null dicts": {
        "text_config": SMALL_TEXT, "vision_config": SMALL_VISION, "text_config_dict": None, "vision_config_dict": None,
    },
    "dicts alone": {"text_config_dict": SMALL_TEXT, "vision_config_dict": SMALL_VISION},
    "dicts win": {
        "text_config": {**SMALL_TEXT, "hidden_size": 64, "hidden_act": "gelu"},
        "text_config_dict": SMALL_TEXT,
        "vision_config": {**SMALL_VISION, "intermediate_size": 96},
        "vision_config_dict": SMALL_VISION,
    },
    "end id that is none": {"text_config": {**SMALL_TEXT, "eos_token_id": 2}, "vision_config": SMALL_VISION},
    "unknown keys": {
        "text_config": {**SMALL_TEXT, "heads": 9, "dropout": 0.1}, "vision_config": {**SMALL_VISION, "layers": 7},
        "torch_dtype": "float32",
    },
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_read_as_transformers_reads_it(form):
    from transformers import CLIPConfig, CLIPModel

    config = {"model_type": "clip", "projection_dim": 24, **FORMS[form]}
    torch.manual_seed(0)
    oracle = CLIPModel(CLIPConfig.from_dict(config)).eval()
    encoder = FAMILIES["clip"].build(config, oracle.state_dict())
    pixels = torch.randn(1, 3, 16, 16)
    # between the marks ids below the highest, and what follows the end token
    ids = torch.tensor([[1, 5, 7, 59, 3, 3], [1, 9, 8, 6, 59, 59]])
    with torch.no_grad():
        torch.testing.assert_close(
            encoder.embed_images(pixels), oracle.get_image_features(pixels).pooler_output
        )
        torch.testing.assert_close(encoder.encode_ids(ids), oracle.get_text_features(ids).pooler_output)


def test_position_ids_of_old_files_are_left_out():
    from transformers import CLIPConfig, CLIPModel

    config = {"model_type": "clip", "projection_dim": 24, **FORMS["plain"]}
    tensors = CLIPModel(CLIPConfig.from_dict(config)).state_dict()
    tensors["text_model.embeddings.position_ids"] = torch.arange(12)[None]
    tensors["vision_model.embeddings.position_ids"] = torch.arange(5)[None]
    FAMILIES["clip"].build(config, tensors)


@pytest.mark.parametrize("value", [-1, 0, 2.5, "7", None, True, [3, 4]])
def test_a_size_is_a_positive_whole_number(value):
    with pytest.raises(ModelError, match="width: expected a positive whole number, got"):
        size({"width": value}, "width")


def test_a_pair_of_equal_sizes_is_one():
    assert size({"image_size": [224, 224]}, "image_size") == 224


@pytest.mark.parametrize("value", [-1e-5, 0, "1", None, float("nan")])
def test_a_number_is_positive(value):
    with pytest.raises(ModelError, match="eps: expected a positive number, got"):
        number({"eps": value}, "eps")


def test_heads_must_divide_the_width():
    with pytest.raises(ModelError, match="hidden_size 30 is not a multiple of num_attention_heads 4"):
        heads_of({"hidden_size": 30, "num_attention_heads": 4})


def test_a_part_that_is_no_object():
    with pytest.raises(ModelError, match="vision_config: expected an object, got list"):
        part_of({"vision_config": [1]}, "vision_config", {})


def test_a_null_value_has_the_default():
    assert part_of({"text_config": {"hidden_act": None}}, "text_config", {"hidden_act": "gelu"}) == {
        "hidden_act": "gelu"
    }
