"""A refinement of a test file: registered once, it is a value of ``refine``, with options, and sees what it was promised.

Holds ``ops/refinement.py``.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tagalign.errors import InputError, UnknownNameError
from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.options import facts_of
from tagalign.methods.refinements import open_refinement, refinement_names
from tagalign.methods.table import METHODS
from tagalign.ops.refine import REFINEMENTS, RefinementEntry
from tagalign.option_fields import option

LABELS = LabelSet(
    name="custom", labels=(Label(name="dog", aliases=("puppy",)), Label(name="sky"), Label(name="house"))
)
SEEN = []


@dataclass(frozen=True, kw_only=True)
class Favour:
    """Every pixel gets one label."""

    label: int = option(0, "its id", source="a toy")

    def __call__(self, scene):
        SEEN.append(scene)
        maps = torch.zeros_like(scene.maps(scene.work_size))
        maps[self.label] = 1
        return maps


@pytest.fixture
def favour():
    SEEN.clear()
    with REFINEMENTS.adding("favour", RefinementEntry(kind=Favour, summary="a toy", source="here")):
        yield
    SEEN.clear()


@pytest.fixture
def photo():
    pixels = np.random.default_rng(5).integers(0, 255, (70, 90, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def segmented(folder, photo, **options):
    method = load_method(str(folder), **options)
    image = method.encode_images([photo])[0]
    return method, image, method.segment(image, method.encode_labels(LABELS), photo=photo)


def test_one_registration_is_a_value_of_refine(favour, clip_folder, photo):
    assert refinement_names() == ("none", "crf", "pamr", "tlp", "favour")
    kinds = {fact.name: fact.kind for fact in facts_of(METHODS["naclip"].options)}
    assert kinds["refine"] == "none, crf, pamr, tlp or favour"
    for method in ("naclip", "gated", "cls-seg"):
        options = {"method": method, "refine": "favour:label=1"}
        if method != "naclip":
            options["threshold"] = "top:3"  # all labels, so that ids among tags are ids
        _, _, found = segmented(clip_folder, photo, **options)
        assert (found.labels == 1).all(), method


def test_a_scene_has_what_it_promises(favour, clip_folder, photo):
    method, image, _ = segmented(clip_folder, photo, method="clip", refine="favour", use_aliases=True)
    scene, size = SEEN[-1], (11, 13)
    labels = method.encode_labels(LABELS)
    patches = F.normalize(image.views[0].embeds.double(), dim=-1)
    on_grid = (labels.embeds.double() @ patches.T).unflatten(1, image.views[0].grid)[None]
    expected = F.interpolate(on_grid, size=size, mode="bilinear", align_corners=False)[0]
    # float32 against float64
    torch.testing.assert_close(scene.names.cosines(size).double(), expected, rtol=0, atol=1e-6)
    assert len(expected) == len(scene.names.text) == 4  # puppy is a name, and no label
    merged = torch.stack([expected[[0, 3]].amax(dim=0), expected[1], expected[2]])
    given = scene.names.label_maps(scene.names.cosines(size)).double()
    torch.testing.assert_close(given, (10 * merged - 2.5).sigmoid(), rtol=0, atol=1e-5)
    assert scene.size == (70, 90)
    assert scene.photo(size).size == (13, 11)
    lighter = method.preprocessing
    plain = torch.from_numpy(np.array(scene.photo(size))).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (lighter.mean, lighter.std))
    torch.testing.assert_close(scene.names.picture(size), (plain - mean) / std, rtol=0, atol=1e-6)


def test_windows_are_averaged_in_cosines_of_names(favour, clip_folder, photo):
    method, image, _ = segmented(clip_folder, photo, method="clip", refine="favour", window=32, stride=16)
    assert len(image.views) > 1
    height, width = image.canvas
    embeds = method.encode_labels(LABELS).embeds
    total, count = torch.zeros(len(embeds), height, width), torch.zeros(height, width)
    for view in image.views:
        left, top, right, bottom = view.box
        maps = (embeds @ F.normalize(view.embeds, dim=-1).T).unflatten(1, view.grid)[None]
        whole = F.interpolate(maps, size=(bottom - top, right - left), mode="bilinear", align_corners=False)
        total[:, top:bottom, left:right] += whole[0]
        count[top:bottom, left:right] += 1
    torch.testing.assert_close(SEEN[-1].names.cosines(image.canvas), total / count, rtol=0, atol=1e-6)


def test_what_needs_names_is_refused_where_there_are_none(clip_folder):
    entry = RefinementEntry(kind=Favour, summary="a toy", source="here", needs_names=True)
    with REFINEMENTS.adding("favour", entry):
        with pytest.raises(InputError, match=r"refine 'favour' reads the cosine .* 'cls-seg' has not"):
            load_method(str(clip_folder), method="cls-seg", refine="favour")
        assert isinstance(open_refinement("favour"), Favour)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pamr:step=3", "refine 'pamr' has no option 'step'; did you mean 'steps'"),
        ("pamr:steps=0", "steps: expected a whole number from 1, got 0"),
        ("pamr:steps", "takes name=value"),
        ("crf:steps=3", "has no option 'steps'"),
    ],
)
def test_bad_options_of_a_refinement_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        open_refinement(text)


def test_unknown_refinements_are_refused_with_the_known_ones(clip_folder):
    with pytest.raises(UnknownNameError, match="unknown refinement 'pamrr'; did you mean 'pamr'"):
        open_refinement("pamrr")
    with pytest.raises(InputError, match="option 'refine' takes none, crf, pamr or tlp, got 'pamrr:steps=3'"):
        load_method(str(clip_folder), method="clip", refine="pamrr:steps=3")


def test_none_is_no_refinement():
    assert open_refinement("none") is None
