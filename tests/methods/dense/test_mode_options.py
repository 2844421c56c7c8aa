"""A dense mode of a test file: registered once, it is a method with options of its own wherever methods are known."""

from dataclasses import asdict, dataclass

import pytest
import torch
from PIL import Image

from tagalign.backbones.modes import DENSE_MODES, ModeEntry
from tagalign.cli.verbs.methods import as_json
from tagalign.errors import InputError
from tagalign.methods.dense.mode_options import options_in_mode
from tagalign.methods.dense.options import ModeOptions
from tagalign.methods.load import load_method
from tagalign.methods.options import facts_of
from tagalign.methods.table import METHODS, methods
from tagalign.option_fields import check_share, option


@dataclass(frozen=True, kw_only=True)
class Faded:
    """The last block's input mixed into its output."""

    share: float = option(0.0, "of the input, in [0, 1]", source="a toy")

    def __post_init__(self):
        check_share("share", self.share)

    def __call__(self, encoder, stream, grid):
        last = stream.last()
        after = last.output()
        return self.share * last.x + (1 - self.share) * after, after[:, :1]


@pytest.fixture
def faded():
    with DENSE_MODES.adding("faded", ModeEntry(kind=Faded, summary="a toy", source="here")):
        yield


@pytest.fixture
def photo():
    return Image.effect_noise((96, 64), 80).convert("RGB")


def test_one_registration_is_a_method(faded):
    assert "faded" in methods(can="refer")
    assert as_json("faded")["options"][-1]["name"] == "share"
    assert as_json("faded")["summary"] == "a toy"
    assert METHODS["faded"].trained_by == ""


def test_its_options_are_those_of_every_dense_method_and_its_own(faded):
    names = [fact.name for fact in facts_of(METHODS["faded"].options)]
    assert names == [*asdict(ModeOptions()), "share"]
    assert METHODS["clip"].options is ModeOptions


def test_at_its_default_the_toy_is_the_plain_mode(faded, clip_folder, photo):
    """``share`` 0 leaves the last block as it is, which is the method ``clip``."""
    plain = load_method(str(clip_folder), method="clip").encode_images([photo])[0]
    toy = load_method(str(clip_folder), method="faded").encode_images([photo])[0]
    assert torch.equal(toy.views[0].embeds, plain.views[0].embeds)


def test_its_option_acts_and_is_described(faded, clip_folder, photo):
    method = load_method(str(clip_folder), method="faded", share="1")
    assert method.describe()["share"] == 1.0
    pixels = method.canvas_rule.lay(photo, method.preprocessing).pixels[None]
    rows, _ = method.backbone.embed_patches(pixels)
    for block in method.backbone.blocks[:-1]:
        rows = block(rows)
    expected = method.backbone.project(rows[0, method.backbone.num_prefix :])
    # one program on one thread, but batched differently: equal to a few units in the last place
    torch.testing.assert_close(
        method.encode_images([photo])[0].views[0].embeds, expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 2.0}, "share: expected a number from 0 to 1, got 2"),
        ({"share": "much"}, "option 'share' takes a number, got 'much'"),
        ({"shar": 0.5}, "method 'faded' has no option 'shar'; did you mean 'share'"),
        ({"share": 0.5, "window": 0}, "window: expected a whole number from 1, got 0"),
    ],
)
def test_bad_options_are_refused(faded, clip_folder, given, message):
    with pytest.raises(InputError, match=message):
        load_method(str(clip_folder), method="faded", **given)


def test_an_option_that_every_dense_method_has_is_no_option_of_a_mode():
    @dataclass(frozen=True, kw_only=True)
    class Clash(Faded):
        window: str = option("fixed", "a toy")

    with pytest.raises(ValueError, match="every dense method has an option 'window'"):
        options_in_mode(Clash)


def test_names_of_methods_are_taken_once(faded):
    with pytest.raises(ValueError, match="a method 'faded' is registered already"):
        METHODS.add("faded", METHODS["tagclip"])
