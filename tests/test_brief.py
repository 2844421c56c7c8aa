"""What results show of themselves in a notebook: one line, no numbers of pixels."""

import pytest
import torch
from PIL import Image

import tagalign as ta
from tagalign.data.tiny_world import TinyWorld
from tagalign.types import Instance, Segmentation


@pytest.mark.parametrize("method", ["surgery", "cls-seg", "gated"])
def test_what_a_user_prints_is_a_line(method):
    model = ta.load("tiny", method=method)
    image = model.encode_image(Image.fromarray(TinyWorld(seed=0, split="test")[4].image))
    labels = model.encode_labels(["car", "dog", "sky", "grass"])
    assert repr(model) == f"Model(tiny, method={method!r})"
    found = [image, labels, model.segment(image, labels)]
    for shown in map(repr, [*found, *([model.refer(image, "the car")] if method == "surgery" else [])]):
        assert "tensor(" not in shown
        assert "\n" not in shown
        assert len(shown) < 700
    assert "LabelSet('car', 'dog', 'sky', 'grass')" in repr(labels)


def test_the_sizes_and_the_names_stand_there():
    mask = torch.zeros(2, 3, dtype=torch.bool)
    one = Instance(label=0, name="dog", score=0.5, box=(1, 1, 4, 3), inside=mask, size=(8, 9))
    found = Segmentation(
        labels=torch.zeros(8, 9, dtype=torch.long),
        names=tuple(f"label {i}" for i in range(1000)),
        scores=torch.zeros(8, 9),
        instances=(one,),
    )
    assert repr(one) == (
        "Instance(label=0, name='dog', score=0.5, box=(1, 1, 4, 3), inside=bool[2, 3], size=(8, 9))"
    )
    assert repr(found) == (
        "Segmentation(labels=int64[8, 9], names=('label 0', 'label 1', 'label 2', 'label 3', 'label 4', 'label 5', "
        f"... 1000 in all), scores=float32[8, 9], instances=({one!r},))"
    )
