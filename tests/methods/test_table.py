"""The table of methods against a method of a test file: one folder (here one module) and one entry are all it takes."""

import sys
from dataclasses import dataclass
from types import ModuleType

import pytest
from PIL import Image

import tagalign as ta
from tagalign.cli.verbs.methods import as_json, overview
from tagalign.errors import InputError, UnknownNameError
from tagalign.methods.describe import describe_options
from tagalign.methods.labels import encode_label_set
from tagalign.methods.protocols import refuse_foreign
from tagalign.methods.table import DEFAULTS, METHODS, MethodEntry, find_method, method_for, methods
from tagalign.option_fields import option
from tagalign.types import EncodedImage, Tagging


@dataclass(frozen=True, kw_only=True)
class AlwaysOptions:
    """One option."""

    place: int = option(0, "of the label that is found", source="a toy")


class Always:
    """Finds the same label everywhere."""

    method = "always"

    def __init__(self, backbone, options):
        self.backbone, self.options = backbone, options

    def describe(self):
        return {"method": self.method, **describe_options(self.options)}

    def encode_images(self, images):
        embeds = [self.backbone.embed_images(self._pixels(image))[0] for image in images]
        return [
            EncodedImage(
                method=self.method, embed=e, size=(i.height, i.width), canvas=(i.height, i.width), views=()
            )
            for e, i in zip(embeds, images, strict=True)
        ]

    def _pixels(self, image):
        from tagalign.backbones.pixels import resize, to_tensor

        side = self.backbone.preprocessing.image_size
        return to_tensor(resize(image, (side, side)), self.backbone.preprocessing)[None]

    def encode_labels(self, labels):
        return encode_label_set(self.backbone, labels, method=self.method)

    def tag(self, image, labels):
        refuse_foreign(image.method, self.method)
        scores = tuple(float(i == self.options.place) for i in range(len(labels.names)))
        return Tagging(names=labels.names, scores=scores, chosen=(self.options.place,))


@pytest.fixture
def always(monkeypatch):
    module = ModuleType("a_method_of_a_test")
    module.build = lambda opened, options, resources: Always(opened.backbone(), options)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = MethodEntry(
        summary="a toy",
        source="here",
        options=AlwaysOptions,
        can=("tag",),
        builder=module.__name__,
        cost="nothing",
    )
    with METHODS.adding("always", entry):
        yield


def test_one_entry_is_a_method_from_the_top(always, clip_folder):
    model = ta.load(str(clip_folder), method="always", place="2")
    image = model.encode_image(Image.new("RGB", (40, 30)))
    assert model.tag(image, ["dog", "cat", "car"]).top(1)[0][0] == "car"
    assert as_json("always")["options"][0]["text"] == "of the label that is found"
    assert "always" in overview(methods(can="tag"))


def test_what_it_cannot_is_refused_with_those_that_can(always, clip_folder):
    model = ta.load(str(clip_folder), method="always")
    image = model.encode_image(Image.new("RGB", (40, 30)))
    with pytest.raises(InputError, match=r"cannot segment; these can: .*maskclip"):
        model.segment(image, ["dog"])
    with pytest.raises(InputError, match="method 'always' cannot refer"):
        method_for("refer", asked="always", trained=None)


def test_it_is_gone_after_its_block():
    with pytest.raises(UnknownNameError, match="unknown method 'always'"):
        find_method("always")


def test_every_default_can_what_it_is_the_default_of():
    for verb, name in DEFAULTS.items():
        assert verb in find_method(name).can


def test_the_chosen_method_is_the_asked_one_then_the_trained_one_then_the_default():
    assert method_for("segment", asked="naclip", trained="tagalign") == "naclip"
    assert method_for("segment", asked=None, trained="tagalign") == "tagalign"
    assert method_for("segment", asked=None, trained=None) == DEFAULTS["segment"]
    with pytest.raises(InputError, match="the tag2text model of this folder cannot segment"):
        method_for("segment", asked=None, trained="tag2text")
