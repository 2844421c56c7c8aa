"""The panel of masks: what is drawn where, read back from its SVG. With it: the words of its legend."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
from tagalign.apps.page.mask_panel import mask_panel, picture
from tagalign.apps.page.rings import border_path
from tagalign.tasks.regions.voting import part_instances
from tagalign.types import Segmentation


def segmentation(ids, names, score=0.5):
    labels = torch.tensor(ids)
    return Segmentation(labels=labels, names=names, scores=torch.full(labels.shape, score))


RING = [[0, 1, 1, 1], [0, 1, 0, 1], [0, 1, 1, 1], [2, 0, 0, 0]]


def test_each_mask_is_drawn_where_it_is():
    html = mask_panel(Image.new("RGB", (4, 4)), segmentation(RING, ("background", "dog", "cat")))
    drawn = dict(re.findall(r'<g data-label="(\w+)".*?<path class="fill" d="([^"]*)"', html))
    assert list(drawn) == ["dog", "cat"]  # background is none, the largest stands first
    for number, name in enumerate(("dog", "cat"), start=1):
        assert drawn[name] == border_path(np.array(RING) == number)


def test_names_and_legend_say_score_and_share():
    html = mask_panel(Image.new("RGB", (4, 4)), segmentation([[0, 0], [0, 1]], ('a "dog"', "cat & co"), 0.25))
    assert "cat &amp; co · score 0.25 · 25 % of the photo" in html
    assert html.count("a &#34;dog&#34; <small>75 %</small>") == 1
    assert re.findall(r"<text [^>]*>([^<]*)</text>", html) == ["a &#34;dog&#34;", "cat &amp; co"]


def test_instances_are_masks_of_their_own_under_one_entry():
    found = part_instances(segmentation([[0, 1, 0]], ("dog", "cat")), min_area=1)
    html = mask_panel(Image.new("RGB", (3, 1)), found)
    assert html.count('<g data-label="dog"') == 2
    assert "dog × 2 <small>67 %</small>" in html


def test_scores_stand_where_the_slider_reads_them():
    """Of every mask, name and entry; an entry goes with the last of its masks."""
    ids, names = [[0, 0], [0, 1]], ("dog", "cat")
    html = mask_panel(Image.new("RGB", (2, 2)), segmentation(ids, names, 0.25))
    assert re.findall(r'data-score="([^"]*)"', html).count("0.2500") == 6
    found = part_instances(segmentation([[0, 1, 0]], names), min_area=1)
    best = [replace(one, score=0.1 + 0.2 * i) for i, one in enumerate(found.instances)]
    html = mask_panel(Image.new("RGB", (3, 1)), replace(found, instances=tuple(best)))
    entries = re.findall(r'<button type="button" data-label="(\w+)" data-score="([^"]*)"', html)
    assert dict(entries) == {
        "dog": f"{max(one.score for one in best if one.name == 'dog'):.4f}",
        "cat": "0.5000",
    }


def test_a_picture_holds_its_bytes_and_its_words():
    html = picture(Image.new("RGB", (4, 2), "red"), alt='a "red" one', title="x")
    assert 'alt="a &#34;red&#34; one" title="x"' in html
    code = re.search('base64,([^"]*)', html)[1]
    with Image.open(io.BytesIO(base64.b64decode(code))) as image:
        assert image.size == (4, 2)


def test_without_masks_the_photo_is_shown():
    assert "<svg" not in mask_panel(Image.new("RGB", (4, 4)), None)
    everywhere = segmentation([[0, 0]], ("background", "dog"))
    assert "every pixel is background" in mask_panel(Image.new("RGB", (2, 1)), everywhere)
