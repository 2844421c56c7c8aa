"""Pictures of the demo: one colour per object in every map of a row, absent labels dark, the background plain."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.experiments.demo.examples import DemoExample
from tagalign.experiments.demo.pictures import ABSENT, PLAIN, colored, colors_of, masks

NAMES = ("background", "dog", "cat", "car")


@pytest.fixture
def example():
    truth = torch.tensor([[0, 0, 3], [0, 1, 3]])
    return DemoExample(
        picture=Image.new("RGB", (3, 2)),
        truth=truth,
        predictions={"frozen": torch.tensor([[2, 2, 3], [2, 1, 1]]), "trained": truth.clone()},
        names=NAMES,
        phrase="the dog",
        heats={},
    )


def test_objects_have_a_colour_each_and_absent_labels_share_one(example):
    colors = colors_of(example)
    assert (colors[0], colors[2]) == (PLAIN, ABSENT)
    assert len({PLAIN, ABSENT, colors[1], colors[3]}) == 4


def test_every_map_of_a_row_is_drawn_in_the_same_colours(example):
    html = str(masks(example))
    drawn = [
        np.asarray(Image.open(io.BytesIO(b64decode(one)))) for one in re.findall(r"base64,([^\"]+)", html)
    ]
    maps = [example.truth, *example.predictions.values()]
    assert len(drawn) == 1 + len(maps)
    for picture, labels in zip(drawn[1:], maps, strict=True):
        for place, label in np.ndenumerate(labels.numpy()):
            assert tuple(picture[place]) == colors_of(example)[int(label)]


def test_the_legend_names_what_the_scene_shows(example):
    html = str(masks(example))
    assert all(f">{name}</span>" in html for name in ("background", "dog", "car"))
    assert ">cat</span>" not in html
    assert "a label that is not in the scene" in html


def test_a_share_of_right_pixels_counts_the_background(example):
    # of six pixels three of the background are called cat and one car is called dog
    assert example.right("frozen") == pytest.approx(100 * 2 / 6)
    assert example.right("trained") == 100
    assert "frozen: 33 % right" in str(masks(example))


def test_a_map_of_one_label_is_one_colour(example):
    picture = np.asarray(colored(torch.zeros(2, 2, dtype=torch.long), colors_of(example)))
    assert np.unique(picture.reshape(-1, 3), axis=0).tolist() == [list(PLAIN)]
