"""Presets: what the releases set for a data set, at their depth and at others; what is given stays."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.verbs.methods import page
from tagalign.errors import InputError
from tagalign.evaluate.protocols import find_protocol
from tagalign.evaluate.published.numbers import find_numbers
from tagalign.methods.cls_seg.method import ClsSeg
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.load import load_method
from tagalign.methods.options import build_options
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.methods.tagclip.presets import PRESETS
from tagalign.tags.label_sets import load_label_set

# linyq2117/TagCLIP at c32b640: classify.py, CLIP-ES/generate_cams_voc.py, generate_cams_cocostuff.py; 12 layers
RELEASED = {
    "voc": ("relative:0.5", 0.5, (8, 9, 10), (4, 5, 6, 7, 8, 9, 10), 0.4),
    "coco": ("relative:0.5", 0.5, (8, 9, 10), tuple(range(4, 12)), 0.7),
    "coco-stuff": ("relative:0.1", 0.1, tuple(range(11)), tuple(range(4, 12)), 0.7),
}


@pytest.mark.parametrize("name", PRESETS)
def test_layers_are_the_released_ones_at_their_depth(name):
    _, _, refine, affinity, _ = RELEASED[name]
    preset = PRESETS[name]
    assert (preset.refine_layers.at(12), preset.affinity_layers.at(12)) == (refine, affinity)
    assert PRESETS["voc"].affinity_layers.at(24) == tuple(range(8, 23))
    assert preset.refine_layers.at(2) == (0,) or name != "coco-stuff"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_what_is_not_given(backbone, name):
    threshold, candidates, _, _, box = RELEASED[name]
    own = ClsSeg(backbone, ClsSegOptions(preset=name)).describe()
    assert (str(own["threshold"]), own["candidate_share"], own["box_share"]) == (threshold, candidates, box)
    given = {"box_share": "0.6", "threshold": "top:2", "candidate_share": "0.3", "affinity_layers": "0"}
    options = build_options(ClsSegOptions, {"preset": name, **given}, method="cls-seg")
    kept = ClsSeg(backbone, options).describe()
    assert (kept["box_share"], kept["threshold"], kept["candidate_share"], kept["affinity_layers"]) == (
        0.6,
        "top:2",
        0.3,
        [0],
    )


def test_without_a_preset_the_values_are_the_papers(backbone):
    own = ClsSeg(backbone).describe()
    assert (own["threshold"], own["candidate_share"], own["box_share"]) == ("relative:0.5", 0.5, 0.4)
    assert own["preset"] is None


def test_a_preset_is_the_same_as_its_options_typed(clip_folder):
    """Also asked for by a variant, as a page or a server makes one."""
    last = 7  # of eight layers
    typed = {
        "threshold": "relative:0.1",
        "candidate_share": 0.1,
        "refine_layers": tuple(range(last)),
    }
    photo = Image.fromarray(np.random.default_rng(3).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    labels = load_label_set("dog,cat,tree,car")
    plain = load_method(str(clip_folder), method="tagclip")
    answers = []
    for method in (
        load_method(str(clip_folder), method="tagclip", preset="coco-stuff"),
        load_method(str(clip_folder), method="tagclip", **typed),
        plain.with_options(replace(plain.given, preset="coco-stuff")),
    ):
        (image,) = method.encode_images([photo])
        answers.append(method.tag(image, method.encode_labels(labels)))
    assert answers[0] == answers[1] == answers[2]


def test_the_page_of_the_method_prints_what_a_preset_sets():
    text = " ".join(page("tagclip").split())
    assert "coco-stuff: threshold relative:0.1, candidate_share 0.1, refine_layers :-1" in text
    assert "coco: box_share 0.7" in " ".join(page("cls-seg").split())


def test_an_unknown_preset_is_refused(backbone):
    with pytest.raises(InputError, match=r"option 'preset' takes voc, coco, coco-stuff or none, got 'ade'"):
        TagClip(backbone, build_options(TagClipOptions, {"preset": "ade"}, method="tagclip"))


def test_published_numbers_and_protocol_name_the_same_presets():
    rows = find_numbers(["tagclip/table3/cls-seg", "tagclip/table4-miou"])
    presets = find_protocol("clip-es").presets
    assert {n.run.options["preset"] for n in rows} == set(PRESETS)
    assert all(n.run.options["preset"] == presets[n.benchmark] for n in rows)
