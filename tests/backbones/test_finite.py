"""NaN and infinity are refused where encoders end, with the cause; finite numbers go through untouched."""

import math

import pytest
import torch
from torch import nn

from tagalign.backbones.finite import broken_weights, checked
from tagalign.backbones.load import load_backbone
from tagalign.errors import NotFiniteError
from tagalign.testing.clip_folder import make_clip_folder


def check(values: torch.Tensor, source: nn.Module | None = None) -> torch.Tensor:
    return checked(values, source or nn.Linear(2, 2), name="clip", what="patch features")


def test_finite_values_are_the_same_object() -> None:
    for values in (torch.rand(2, 3), torch.zeros(0, 4), torch.full((2, 70), 60_000.0, dtype=torch.float16)):
        assert check(values) is values  # the sum of the last is past float16


def test_a_sum_past_float32_is_not_taken_for_infinity() -> None:
    values = torch.full((2, 3), 3e38)
    assert check(values) is values


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_item_of_the_batch_is_named(bad: float) -> None:
    values = torch.rand(4, 2, 3)
    values[2, 1, 0] = bad
    with pytest.raises(
        NotFiniteError, match=r"clip: the patch features of image 3 of 4 in its batch hold NaN"
    ):
        check(values)


def test_infinities_that_cancel_are_seen() -> None:
    with pytest.raises(NotFiniteError):
        check(torch.tensor([[math.inf, -math.inf]]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_named_with_what_helps(dtype: torch.dtype) -> None:
    with pytest.raises(NotFiniteError, match=rf"in {str(dtype)[6:]}: .* run the model in float32") as raised:
        check(torch.full((1, 2), math.inf, dtype=dtype))
    assert not raised.value.by_weights


def test_the_layer_whose_weights_are_broken_is_named() -> None:
    source = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with torch.no_grad():
        source[1].bias[0] = math.nan
    assert broken_weights(source) == "1.bias"
    with pytest.raises(NotFiniteError, match=r"weights of 1\.bias hold NaN or infinity") as raised:
        check(torch.full((1, 2), math.nan), source)
    assert raised.value.by_weights


@pytest.fixture
def opened(tmp_path):
    """A backbone of its own, to be broken."""
    return load_backbone(str(make_clip_folder(tmp_path)))


PIXELS = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mode", ["clip", "maskclip", "surgery", "sclip", "clearclip", "naclip"])
def test_every_dense_mode_ends_in_the_check(opened, mode: str) -> None:
    opened.encode_dense(PIXELS, mode=mode)
    with torch.no_grad():
        opened.vision.blocks[2].mlp.fc1.weight[0, 0] = math.nan
    with pytest.raises(NotFiniteError, match=r"blocks\.2\.mlp\.fc1\.weight"):
        opened.project(opened.encode_dense(PIXELS, mode=mode).patches)


def test_whole_images_and_texts_end_in_the_check(opened) -> None:
    with torch.no_grad():
        opened.vision.blocks[0].mlp.fc2.bias[0] = math.inf
        next(opened.text.tower.parameters())[:] = math.nan
    with pytest.raises(NotFiniteError, match=r"blocks\.0"):
        opened.embed_images(PIXELS)
    with pytest.raises(NotFiniteError, match=r"so the text embeddings are no numbers"):
        opened.encode_text(["a dog"])


def test_pixels_that_are_no_numbers_are_the_cause_where_the_weights_are_sound(opened) -> None:
    pixels = PIXELS.clone()
    pixels[1, 0, 3, 3] = math.nan
    with pytest.raises(
        NotFiniteError, match=r"image 2 of 2 in its batch .* the input is too large or holds NaN"
    ):
        opened.encode_dense(pixels)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_images_are_encoded(opened, value: float) -> None:
    found = opened.project(opened.encode_dense(torch.full((1, 3, 32, 32), value)).patches)
    assert torch.isfinite(found).all()
