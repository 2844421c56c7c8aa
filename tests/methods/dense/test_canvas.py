"""Canvases: every view in exactly one batch, pixel by pixel; sizes as the views have them."""

import pytest
import torch
from PIL import Image

from tagalign.backbones.preprocess import Preprocessing
from tagalign.methods.dense.canvas import Canvas, CanvasRule, batches_of_one_size, default_short_side

PIXELS = Preprocessing(image_size=32)
RULES = [
    CanvasRule(short_side=32, patch_size=8),
    CanvasRule(short_side=48, window=32, stride=16, patch_size=8),
    CanvasRule(short_side=50, window=32, stride=16, patch_size=8, on_patches=True),
    CanvasRule(short_side=24, window=32, patch_size=8),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [(40, 64), (64, 40), (33, 33)])
def test_views_have_the_size_that_is_said_before(rule, size):
    canvas = rule.lay(Image.new("RGB", size[::-1]), PIXELS)
    assert canvas.size == size
    assert canvas.shape == (3, *rule.canvas_size(size))
    assert {(bottom - top, right - left) for left, top, right, bottom in canvas.boxes} == {
        rule.view_size(size)
    }


def test_windows_on_patches_begin_and_end_where_patches_do():
    boxes = RULES[2].lay(Image.new("RGB", (77, 61)), PIXELS).boxes
    assert all(side % 8 == 0 for box in boxes for side in box)
    assert len(boxes) > 1


def test_every_view_is_in_one_batch_of_its_size():
    draw = torch.Generator().manual_seed(0)
    canvases = [
        Canvas(pixels=torch.rand(3, 6, 8, generator=draw), size=(6, 8), boxes=((0, 0, 4, 4), (2, 1, 6, 5), (0, 0, 8, 6))),
        Canvas(pixels=torch.rand(3, 5, 5, generator=draw), size=(5, 5), boxes=((1, 1, 5, 5), (0, 1, 4, 5))),
    ]  # fmt: skip
    seen = []
    for places, pixels in batches_of_one_size(canvases, 3):
        assert len(places) == len(pixels) <= 3
        for (i, j), found in zip(places, pixels, strict=True):
            left, top, right, bottom = canvases[i].boxes[j]
            assert torch.equal(found, canvases[i].pixels[:, top:bottom, left:right])
            seen.append((i, j))
    assert sorted(seen) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]


def test_the_short_side_of_the_papers():
    assert [default_short_side(side) for side in (32, 223, 224, 336, 448, 518)] == [
        32,
        223,
        448,
        448,
        448,
        518,
    ]
