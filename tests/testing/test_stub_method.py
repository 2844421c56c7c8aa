"""What the double answers can be told from a photo and its labels alone."""

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import ImageError
from tagalign.methods.protocols import Answerer, Captioner, HeatMapper, Referrer, Segmenter, Tagger
from tagalign.tags.label_sets import load_label_set
from tagalign.testing.stub_method import BAD_SIDE, StubMethod


@pytest.fixture
def asked():
    method = StubMethod()
    labels = method.encode_labels(load_label_set(["cat", "dog", "sky"]))
    (image,) = method.encode_images([Image.new("RGB", (11, 6))])
    return method, image, labels


def test_it_can_be_asked_everything(asked):
    method, image, labels = asked
    for protocol in (Tagger, Segmenter, Referrer, HeatMapper, Captioner, Answerer):
        assert isinstance(method, protocol)
    tagging = method.tag(image, labels)
    assert tagging.tags == ("cat",)
    assert tagging.scores == pytest.approx((1, 1 / 2, 1 / 3))
    found = method.segment(image, labels).labels.numpy()
    assert np.unique(found[:, :5]).tolist() == [0]
    assert np.unique(found[:, 5:]).tolist() == [2]
    maps = method.heat_maps(image, labels, size=(2, 3)).numpy()
    assert maps.shape == (3, 2, 3)
    np.testing.assert_allclose(maps[:, 0, -1], [1, 1 / 2, 1 / 3])
    assert method.encoded_labels == [("cat", "dog", "sky")]


def test_a_box_holds_the_region_and_nothing_can_be_found(asked):
    method, image, _ = asked
    found = method.refer(image, "the dog")
    rows, cols = np.nonzero(found.mask.numpy())
    assert found.box == (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
    assert method.refer(image, "nothing here").box is None


def test_captions_and_answers(asked):
    method, image, _ = asked
    assert method.caption(image, tags=["a", "b"]).text == "a photo of a and b"
    assert method.caption(image).tags == {"photo": 0.9}
    assert method.answer(image, "is it?") == "yes"
    with pytest.raises(RuntimeError, match="secret"):
        method.answer(image, "crash now")


def test_one_size_cannot_be_encoded_and_batches_are_counted():
    method = StubMethod()
    method.encode_images([Image.new("RGB", (3, 3))] * 2)
    with pytest.raises(ImageError):
        method.encode_images([Image.new("RGB", (BAD_SIDE, BAD_SIDE))])
    assert method.batches[-2:] == [2, 1]
