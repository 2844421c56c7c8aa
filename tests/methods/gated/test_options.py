"""Options of the dense method behind a tagger: after its name, or by the gated method's own."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.methods.dense.feedback import FeedbackMethod
from tagalign.methods.gated.options import GatedOptions
from tagalign.methods.load import load_method
from tagalign.tags.label_sets import label_set_of

LABELS = ["dog", "sky", "house", "bird"]


@pytest.fixture
def photo():
    blocks = np.random.default_rng(5).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((70, 56), Image.Resampling.NEAREST)


def test_options_after_the_name_reach_the_dense_method(clip_folder):
    method = load_method(
        str(clip_folder),
        method="gated",
        segmenter="scclip:outliers=norm,window=24",
        stitch=True,
        refine="tlp",
    )
    described = method.describe()["segmenter"]
    wanted = {"method": "scclip", "outliers": "norm", "window": 24, "stitch": True, "refine": "tlp"}
    assert wanted.items() <= described.items()


@pytest.mark.parametrize("segmenter", ["scclip:stitch=true", "pearl:key_weight=2", "rcs:feedback=true"])
@pytest.mark.parametrize("refine", ["none", "tlp", "crf"])
def test_a_gate_that_lets_all_through_is_the_dense_method(clip_folder, photo, segmenter, refine):
    name, _, option = segmenter.partition(":")
    key, _, value = option.partition("=")
    gated = load_method(
        str(clip_folder), method="gated", segmenter=segmenter, refine=refine, threshold=f"top:{len(LABELS)}"
    )
    plain = load_method(str(clip_folder), method=name, refine=refine, **{key: value})
    found, expected = (
        one.segment(one.encode_images([photo])[0], one.encode_labels(label_set_of(LABELS)), photo=photo)
        for one in (gated, plain)
    )
    assert torch.equal(found.labels, expected.labels)
    assert torch.equal(found.scores, expected.scores)


def test_feedback_is_the_one_of_its_own_class(clip_folder):
    method = load_method(str(clip_folder), method="gated", segmenter="rcs:feedback=true", gate="soft")
    assert isinstance(method.segmenter, FeedbackMethod)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"segmenter": "scclip:window=16", "window": 24}, "window is given as an option of gated too"),
        ({"segmenter": "scclip:outlier=norm"}, "'scclip' has no option 'outlier'; did you mean 'outliers'"),
        ({"segmenter": "scclip:outliers"}, "takes name=value"),
        ({"segmenter": "nothing:window=16"}, "segmenter 'nothing' cannot be gated"),
        ({"segmenter": "cls-seg", "stitch": True}, "'cls-seg' has no option 'stitch'"),
        ({"gate": "soft", "refine": "tlp"}, "acts on masks behind the hard gate"),
    ],
)
def test_what_cannot_act_is_refused(clip_folder, given, message):
    with pytest.raises(InputError, match=message):
        load_method(str(clip_folder), method="gated", **given)


def test_nothing_that_was_not_given_is_passed_on():
    shared = {"use_aliases": GatedOptions().use_aliases}
    assert GatedOptions().dense_values() == shared
    assert GatedOptions(segmenter="scclip").dense_values() == shared
    assert GatedOptions(use_aliases=False).dense_values() == {"use_aliases": False}
