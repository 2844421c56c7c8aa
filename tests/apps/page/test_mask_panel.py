"""The panel of masks: what is drawn where, read back from its SVG. With it: the words of its legend."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
from tagalign.apps.page.mask_panel import DRAWN_SIDE, drawn_masks, mask_panel
from tagalign.tasks.regions.voting import part_instances
from tagalign.types import Segmentation


def segmentation(ids, names, score=0.5):
    labels = torch.tensor(ids)
    return Segmentation(labels=labels, names=names, scores=torch.full(labels.shape, score))


def filled(path: str, size: tuple[int, int]) -> np.ndarray:
    """The pixels inside a path of level and upright lines, by the number of walls to their left."""
    walls = np.zeros((size[0], size[1] + 1), dtype=int)
    for ring in filter(None, path.split("Z")):
        corners = [tuple(map(float, one.split())) for one in ring.strip("M").split("L")]
        for (x, y), (to_x, to_y) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if x == to_x:
                walls[int(min(y, to_y)) : int(max(y, to_y)), int(x)] += 1 if to_y > y else -1
    return walls.cumsum(axis=1)[:, :-1] != 0


RING = [[0, 1, 1, 1], [0, 1, 0, 1], [0, 1, 1, 1], [2, 0, 0, 0]]


def test_each_mask_is_drawn_where_it_is():
    html = mask_panel(Image.new("RGB", (4, 4)), segmentation(RING, ("background", "dog", "cat")))
    drawn = dict(re.findall(r'<g data-label="(\w+)".*?<path class="fill" d="([^"]*)"', html))
    assert list(drawn) == ["dog", "cat"]  # background is none, the largest stands first
    for number, name in enumerate(("dog", "cat"), start=1):
        assert np.array_equal(filled(drawn[name], (4, 4)), np.array(RING) == number)


def test_outlines_are_the_borders_of_the_pixels_and_nothing_else():
    html = mask_panel(Image.new("RGB", (4, 4)), segmentation(RING, ("background", "dog", "cat")))
    path = re.search(r'data-label="dog".*?class="edge" d="([^"]*)"', html)[1]
    level = {(int(x), int(y), int(end)) for x, y, end in re.findall(r"M(\d+) (\d+)H(\d+)", path)}
    assert level == {(1, 0, 4), (1, 3, 4), (2, 1, 3), (2, 2, 3)}  # around, and around the hole: no cut to it


def test_names_and_legend_say_score_and_share():
    html = mask_panel(Image.new("RGB", (4, 4)), segmentation([[0, 0], [0, 1]], ('a "dog"', "cat & co"), 0.25))
    assert "cat &amp; co · score 0.25 · 25 % of the photo" in html
    assert html.count("a &#34;dog&#34; 75 %") == 1
    assert re.findall(r"<text [^>]*>([^<]*)</text>", html) == ["a &#34;dog&#34;", "cat &amp; co"]


def test_instances_are_masks_of_their_own_under_one_entry():
    found = part_instances(segmentation([[0, 1, 0]], ("dog", "cat")), min_area=1)
    assert [one.name for one in drawn_masks(found)] == ["dog", "dog", "cat"]
    html = mask_panel(Image.new("RGB", (3, 1)), found)
    assert html.count('<g data-label="dog"') == 2
    assert "dog × 2 67 %" in html


def test_a_large_photo_is_drawn_at_a_bounded_size():
    ids = torch.zeros(30, 3000, dtype=torch.int64)
    ids[:, 1500:] = 1
    found = Segmentation(labels=ids, names=("dog", "cat"), scores=torch.zeros(ids.shape))
    assert {max(one.mask.shape) for one in drawn_masks(found)} == {DRAWN_SIDE}
    assert f'viewBox="0 0 {DRAWN_SIDE} 6"' in mask_panel(Image.new("RGB", (3000, 30)), found, heat=True)


def test_without_masks_the_photo_is_shown():
    assert "<svg" not in mask_panel(Image.new("RGB", (4, 4)), None)
    everywhere = segmentation([[0, 0]], ("background", "dog"))
    assert "every pixel is background" in mask_panel(Image.new("RGB", (2, 1)), everywhere)
