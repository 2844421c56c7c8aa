"""A method under other options is the method that is opened with them, on the same weights."""

import typing
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.protocols import Adjustable
from tagalign.methods.proxy.method import ProxyMethod
from tagalign.methods.table import METHODS
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.trusty.method import TrustyClip
from tagalign.methods.trusty.network import TrustyNetwork, sizes_for
from tagalign.methods.trusty.options import TrustyOptions
from tagalign.testing.groupvit_folder import make_groupvit_folder

LABELS = LabelSet(name="custom", labels=(Label(name="dog"), Label(name="sky"), Label(name="house")))
# profile, window and stride: what they leave open is settled once more
CHANGES = {
    "maskclip": {"profile": "released", "window": 32},
    "scclip": {"outliers": "norm", "short_side": 48},
    "rcs": {"profile": "released"},
    "cls-seg": {"local_weight": 0.9, "background_power": 2.0, "threshold": "top:2"},
    "clip-cls": {"short_side": 48, "threshold": "top:2"},
    "tagclip": {"local_weight": 0.9, "refine_layers": (0,)},
    "groupvit": {"profile": "released"},
    "gated": {"gate": "soft", "window": 16, "threshold": "top:3"},
    "piaa": {"class_weight": 0.9},
}


@pytest.fixture(scope="module")
def groupvit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_groupvit_folder(tmp_path_factory.mktemp("models") / "groupvit")


@pytest.mark.parametrize("name", CHANGES)
def test_it_answers_like_the_method_opened_with_them(clip_folder: Path, groupvit: Path, name: str) -> None:
    model = str(groupvit if name == "groupvit" else clip_folder)
    own = load_method(model, method=name, profile="released" if name == "piaa" else "paper")
    opened = load_method(model, method=name, **CHANGES[name])
    assert isinstance(own, Adjustable)
    assert isinstance(opened, Adjustable)
    varied = own.with_options(opened.given)
    sharer = ("tagger", "backbone") if name == "gated" else ("backbone",)
    assert attrgetter(".".join(sharer))(varied) is attrgetter(".".join(sharer))(own)
    assert varied.describe() == opened.describe() != own.describe()  # type: ignore[attr-defined]
    photo = Image.fromarray(np.random.default_rng(3).integers(0, 255, (56, 72, 3), dtype=np.uint8))
    # without a look PIAA has no answer: tests/cli/verbs/test_serve_look.py
    for verb in set(METHODS[name].can) & {"tag", "segment"} if name != "piaa" else ():
        found, expected = [
            getattr(one, verb)(one.encode_images([photo])[0], one.encode_labels(LABELS))
            for one in (varied, opened)
        ]
        assert np.array_equal(np.asarray(found.scores), np.asarray(expected.scores))


def test_a_trained_part_and_a_companion_are_shared(clip_folder: Path, backbone, small_companions) -> None:
    network = TrustyNetwork(sizes_for(backbone, num_prompts=2))
    trusty = TrustyClip(
        backbone, network, TrustyOptions(window=32), trained=("dog",), trained_with={"setting": "x"}
    )
    varied = trusty.with_options(TrustyOptions(window=32, calibration=0.9))
    assert varied.network is network
    assert varied.describe() == trusty.describe() | {"calibration": 0.9}
    companion = str(next(iter(small_companions.values())))
    own = load_method(str(clip_folder), method="proxy", companion=companion)
    opened = load_method(str(clip_folder), method="proxy", companion=companion, beta=0.3, sigmoid_bias=1.0)
    assert isinstance(own, ProxyMethod)
    assert isinstance(opened, ProxyMethod)
    varied_proxy = own.with_options(opened.given)
    assert varied_proxy.companion is own.companion
    assert varied_proxy.describe() == opened.describe() != own.describe()


def test_tag2text_shares_its_network_and_goes_back_to_its_own_rules() -> None:
    own = load_method("tiny", method="tag2text")
    assert isinstance(own, Tag2TextMethod)
    options = {
        "num_beams": 1,
        "prompt": "there is ",
        "max_tokens": 20,
        "profile": "released",
        "threshold": "top:3",
    }
    opened = load_method("tiny", method="tag2text", **options)
    assert isinstance(opened, Tag2TextMethod)
    varied = own.with_options(opened.given)
    assert varied.model is own.model
    assert varied.describe() == opened.describe() != own.describe()
    assert varied.with_options(own.given).describe() == own.describe()


def test_every_method_can_be_had_under_other_options() -> None:
    for name, entry in METHODS.items():
        module = import_module(entry.builder)
        answers = typing.get_type_hints(module.build)["return"]
        assert hasattr(answers, "with_options"), name
