"""Every option of every method acts for each verb that it names, or says in one line why it cannot.

Holds ``option_fields.py``, ``methods/options.py``, ``methods/dense/options.py``, ``methods/gated/options.py``,
``methods/cls_seg/options.py``, ``methods/tagclip/options.py``, ``methods/trusty/options.py`` and
``methods/tag2text/options.py``.
"""

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from every_method import model_folders
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.data.tiny_world import TinyWorld
from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet
from tagalign.methods import opened
from tagalign.methods.load import load_method
from tagalign.methods.options import facts_of
from tagalign.methods.table import METHODS
from tagalign.methods.tagalign import folder as tagalign_folder
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.methods.trusty import folder as trusty_folder
from tagalign.tags.label_sets import template_set

LABELS = LabelSet(
    name="custom",
    labels=(
        Label(name="dog", aliases=("car", "tree")),
        Label(name="sky", aliases=("water",)),
        Label(name="house"),
        Label(name="bird"),
    ),
    background=("wall", "sand"),
)
PLAIN = [name for name, entry in METHODS.items() if not entry.needs_look]
"""The others have no answer before a look: tests/methods/piaa."""
QUESTIONS = ("what is in the picture", "how many things are there", "what is on the left", "what colour")
PHRASE = "the red thing"

# option -> (what is given on both sides, the value that is compared with the default). Chosen so that a small random
# encoder shows the difference; a value says nothing about good settings.
CHANGES = {
    "profile": ({}, "released"),
    "preset": ({}, "coco-stuff"),
    "short_side": ({}, 48),
    "image_size": ({}, 48),
    "window": ({}, 32),
    "stitch": ({"window": 32}, True),
    "positions": ({}, "offset"),
    "outliers": ({}, "norm"),
    "factor": ({}, "svd"),
    "key_weight": ({}, 2.0),
    "base": ({}, "clearclip"),
    "residual_weight": ({}, 1.0),
    "gain": ({}, 20.0),
    "feedback": ({}, True),
    "feedback_path": ({"feedback": True}, "none"),
    "feedback_weight": ({"feedback": True}, 0.0),
    "feedback_gain": ({"feedback": True}, 30.0),
    "feedback_threshold": ({"feedback": True, "short_side": 64}, 0.9),
    "feedback_unsure": ({"feedback": True, "feedback_threshold": 0.5}, "first"),
    "mode": ({}, "naclip"),
    "stride": ({"window": 32}, 8),
    "use_aliases": ({}, False),
    "threshold": ({}, "top:4"),
    "refine": ({"background_rule": True}, "crf"),
    "background_rule": ({}, "flip"),
    "background_threshold": ({"background_rule": True}, 0.9),
    "sigmoid_scale": ({"background_rule": True}, 1.0),
    "sigmoid_bias": ({"background_rule": True}, 1.0),
    "phrase_threshold": ({}, 0.2),
    "phrase_templates": ({}, template_set("7")),
    "neutral": ({}, PHRASE),
    "clip_weight": ({}, 0.9),
    "max_patches": ({}, 9),
    "refine_layers": ({}, (0,)),
    "layers": ({}, (0,)),
    "affinity_layers": ({"threshold": "top:2"}, (0,)),
    "min_votes": ({}, 8),
    "candidate_share": ({}, 1.0),
    "region_share": ({"candidate_share": 0.0}, 0.9),
    "local_weight": ({}, 1.0),
    "dual_masking": ({}, False),
    "reidentify": ({}, False),
    "last_attention": ({}, True),
    "enlarge_crops": ({"candidate_share": 0.0, "region_share": 0.99, "short_side": 96}, False),
    "max_candidates": ({"candidate_share": 0.0}, 1),
    "box_share": ({"threshold": "top:2"}, 0.95),
    "background_power": ({"threshold": "top:2"}, 0.05),
    "fuse_aliases": ({"threshold": "top:4"}, True),
    "gate": ({"background_rule": True}, "soft"),
    "segmenter": ({"threshold": "top:4"}, "clip"),
    "sharpness": ({"gate": "soft"}, 0.01),
    "dense_profile": ({"threshold": "top:4"}, "released"),
    "dense_short_side": ({"threshold": "top:4"}, 16),
    "seen": ({"weighting": "seen"}, ("bird",)),
    "unseen": ({"weighting": "seen"}, ("dog",)),
    "weighting": ({}, "none"),
    "calibration": ({}, 0.9),
    "num_beams": ({}, 1),
    "top_p": ({}, 0.9),
    "seed": ({"top_p": 0.999}, 7),
    "prompt": ({}, "there is "),
    "min_tokens": ({}, 30),
    "max_tokens": ({}, 12),
    "companion": ({}, "other/companion"),
    "mode_profile": ({}, "released"),
    "beta": ({}, 0.2),
    "gamma": ({}, 30.0),
}
# what one method needs beside or instead
FOR_METHOD = {
    # its windows are of the encoder's native size, where no position is resized
    ("tagalign", "positions"): ({"short_side": 80}, "offset"),
    # cosines of a random encoder are low without the residual stream
    ("clearclip", "background_threshold"): ({"background_rule": True}, 0.01),
    ("naclip", "background_threshold"): ({"background_rule": True}, 0.01),
    ("scclip", "background_threshold"): ({"background_rule": True}, 0.01),
    ("pearl", "background_threshold"): ({"background_rule": True}, 0.01),
    ("gated", "window"): ({"threshold": "top:4"}, 16),
    ("gated", "stride"): ({"threshold": "top:4", "window": 32}, 8),
    ("gated", "refine"): ({"threshold": "top:4"}, "crf"),
    ("cls-seg", "refine"): ({"threshold": "top:2"}, "crf"),
    ("trusty", "window"): ({}, 16),
    ("tagalign", "window"): ({}, 16),
    ("tagalign", "stride"): ({"window": 32}, 8),
    ("trusty", "stride"): ({"window": 16}, 8),
    ("tagalign", "profile"): ({}, "paper"),
    ("tag2text", "profile"): ({}, "released"),
    ("proxy", "window"): ({}, 16),
    ("proxy", "stride"): ({"window": 16}, 4),
    # at the native size there is nothing to resize
    ("proxy", "mode_profile"): ({"short_side": 48, "window": 48}, "released"),
}
_RANDOM = "a random encoder sees one label, in one piece; "
SAME_BY_DESIGN = {
    ("rcs", "gain", "tag"): "felt through the output bias alone: tests/backbones/modes/test_calibrated.py",
    ("rcs", "feedback_path", "segment"): _RANDOM + "tests/methods/dense/test_feedback.py",
    ("rcs", "feedback_unsure", "segment"): _RANDOM + "tests/methods/dense/test_feedback.py",
    ("scclip", "use_aliases", "segment"): _RANDOM + "aliases are tested with every other mode",
    (
        "tag2text",
        "num_beams",
        "ask",
    ): "the packaged model answers in one word; beams are tested with longer ones",
    (
        "cls-seg",
        "gradient",
        "segment",
    ): "a slow check of the closed form: equal to rounding, which is a test of its own",
}


@pytest.fixture(scope="module")
def scenes():
    """What the packaged Tag2Text knows; several, because one caption may stay the same by chance."""
    return [Image.fromarray(scene.image) for scene in TinyWorld(seed=1, split="test").take(6)]


@pytest.fixture(scope="module")
def photo():
    rng = np.random.default_rng(3)
    blocks = rng.integers(0, 255, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((72, 56), Image.Resampling.NEAREST)


@pytest.fixture(scope="module")
def models(tmp_path_factory, clip_folder, backbone):
    """A model folder for each method."""
    return model_folders(tmp_path_factory.mktemp("models"), clip_folder, backbone)


@pytest.fixture(scope="module", autouse=True)
def one_encoder():
    """A folder's encoder is opened once: anew for each option, it took a third of all of them."""
    kept = cache(load_backbone)
    with pytest.MonkeyPatch.context() as patch:
        for module in (opened, tagalign_folder, trusty_folder):
            patch.setattr(module, "load_backbone", kept)
        yield


@pytest.fixture(scope="module")
def answers_before(models, photo, scenes):
    """By method, verb and what is given on both sides: many options are compared with one and the same answer."""
    return cache(
        lambda name, verb, given: answers(
            models[name], name, verb, photos_for(name, photo, scenes), **dict(given)
        )
    )


def photos_for(name, photo, scenes):
    return scenes if name == "tag2text" else [photo]


def answers(model, name, verb, photos, **options):
    """What a method says for a verb about each photo, as plain values that can be compared."""
    method = load_method(model, method=name, **options)
    return [
        answer(method, name, verb, *one) for one in zip(method.encode_images(photos), photos, strict=True)
    ]


def answer(method, name, verb, image, photo):
    labels = method.label_set if name == "tag2text" else LABELS
    if getattr(getattr(method, "options", None), "background_threshold", None) is not None:
        labels = replace(LABELS, background=())  # words would take every pixel of a random encoder
    if verb == "tag":
        tagging = method.tag(image, method.encode_labels(labels))
        return [*np.round(tagging.scores, 6), tagging.chosen]
    if verb == "segment":
        found = method.segment(image, method.encode_labels(labels), photo=photo)
        return [found.names, found.labels.tolist(), found.scores.tolist()]
    if verb == "refer":
        found = method.refer(image, PHRASE)
        return [found.mask.tolist(), round(found.score, 6)]
    if verb == "caption":
        found = method.caption(image)
        return [found.text, *found.tags]
    if verb == "ask":
        return [method.answer(image, question) for question in QUESTIONS]
    raise AssertionError(verb)


def cases():
    for name in PLAIN:
        entry = METHODS[name]
        for fact in facts_of(entry.options):
            for verb in fact.verbs or entry.can:
                if fact.name == "look":  # tests/methods/looks/test_every_tagger.py
                    continue
                if verb in entry.can and verb != "search" and not _acts_through_tags(name, fact.name, verb):
                    yield pytest.param(name, fact.name, verb, id=f"{name}-{fact.name}-{verb}")


def _acts_through_tags(name, option, verb):
    """Masks of tagged labels change with such an option where the chosen tags do; ``threshold`` stands for all."""
    of_tagger = {field.name for field in fields(TagClipOptions)} - {"threshold"}
    return name in {"cls-seg", "gated"} and verb == "segment" and option in of_tagger


def change_for(name, option):
    given, value = FOR_METHOD.get((name, option)) or CHANGES[option]
    known = {field.name for field in fields(METHODS[name].options)}
    given = {key: one for key, one in given.items() if key in known}
    if value == "flip":
        value = not next(f.default for f in fields(METHODS[name].options) if f.name == option)
    return given, value


@pytest.mark.parametrize(("name", "option", "verb"), list(cases()))
def test_an_option_changes_the_answer_of_its_verbs(models, photo, scenes, answers_before, name, option, verb):
    if (name, option, verb) in SAME_BY_DESIGN:
        pytest.skip(SAME_BY_DESIGN[name, option, verb])
    given, value = change_for(name, option)
    before = answers_before(name, verb, tuple(given.items()))
    photos = photos_for(name, photo, scenes)
    assert answers(models[name], name, verb, photos, **given, **{option: value}) != before


@pytest.mark.parametrize("name", PLAIN)
def test_description_is_the_options_and_what_the_model_is(models, name):
    method = load_method(models[name], method=name)
    described = method.describe()
    inner = [part for part in described.values() if isinstance(part, dict)]  # gated: tagger and segmenter
    named = set(described) | {key for part in inner for key in part}
    hidden = {field.name for field in fields(METHODS[name].options)} - named
    # those of a gated method's dense part stand there by the dense method's own names
    assert hidden <= {"segmenter", "dense_profile", "dense_short_side"}
    assert described["method"] == name


@pytest.mark.parametrize("name", PLAIN)
def test_an_unknown_option_is_refused_with_the_nearest(models, name):
    with pytest.raises(InputError, match=f"method '{name}' has no option 'profle'; did you mean 'profile'"):
        load_method(models[name], method=name, profle="paper")


@pytest.mark.parametrize("name", PLAIN)
def test_a_value_of_another_type_is_refused(models, name):
    for fact in facts_of(METHODS[name].options):
        with pytest.raises(InputError, match=fact.name.split("_")[0]):
            load_method(models[name], method=name, **{fact.name: object()})


def test_none_is_the_choice_of_that_name_where_there_is_one(models):
    """Of rcs it means that all patches count as joined, not that the profile decides; its kind says it once."""
    facts = {fact.name: fact for fact in facts_of(METHODS["rcs"].options)}
    assert facts["feedback_path"].kind == "line, component or none"
    method = load_method(models["rcs"], method="rcs", feedback=True, feedback_path="none")
    assert method.describe()["feedback_path"] == "none"
    assert load_method(models["rcs"], method="rcs", window="none").describe()["window"] is None
