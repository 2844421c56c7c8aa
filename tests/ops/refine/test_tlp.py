"""The refinement ``tlp`` hands on what propagation needs, and is refused where names have no cosines."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.methods.load import load_method
from tagalign.methods.refinements import open_refinement
from tagalign.ops.propagation import RULES, propagate, text_relation
from tagalign.ops.refine.tlp import Tlp
from tagalign.ops.refinement import Names, RefinementInput
from tagalign.tags.label_sets import label_set_of

SIZE, WORK = (30, 40), (15, 20)


def scene():
    rng = torch.Generator().manual_seed(0)
    maps = {size: 0.2 * torch.randn(4, *size, generator=rng) for size in (SIZE, WORK)}
    pictures = {size: torch.randn(3, *size, generator=rng) for size in (SIZE, WORK)}
    text = torch.nn.functional.normalize(torch.randn(4, 6, generator=rng), dim=-1)
    names = Names(
        cosines=maps.__getitem__,
        text=text,
        picture=pictures.__getitem__,
        # names 0 and 1 are one label
        label_maps=lambda m: torch.stack([m[:2].amax(dim=0), m[2], m[3]]),
    )
    photo = Image.new("RGB", (40, 30))
    made = RefinementInput(size=SIZE, work_size=WORK, maps=lambda s: maps[s], photo=photo.resize, names=names)
    return made, maps, pictures, text


@pytest.mark.parametrize(("profile", "size"), [("fixed", WORK), ("released", SIZE), ("paper", SIZE)])
def test_names_flow_before_aliases_are_merged(profile, size):
    made, maps, pictures, text = scene()
    rule = replace(RULES[profile], grid=8)
    moved = propagate(maps[size], pictures[size], text_relation(text), rule)
    found = Tlp(profile=profile, grid=8)(made)
    assert torch.equal(found, torch.stack([moved[:2].amax(dim=0), moved[2], moved[3]]))


def test_a_method_without_names_is_refused():
    made = replace(scene()[0], names=None)
    with pytest.raises(InputError, match="reads the cosine of every name"):
        Tlp()(made)
    with pytest.raises(InputError, match="which method 'cls-seg' has not"):
        open_refinement("tlp", without_names="cls-seg")


def test_it_runs_behind_a_dense_method(clip_folder, photo):
    plain, refined = (
        load_method(str(clip_folder), method="scclip", refine=refine) for refine in ("none", "tlp:grid=16")
    )
    labels = [m.encode_labels(label_set_of(["dog", "red car", "grass"])) for m in (plain, refined)]
    before, after = (
        m.segment(m.encode_images([photo])[0], own, photo=photo)
        for m, own in zip((plain, refined), labels, strict=True)
    )
    assert after.labels.shape == before.labels.shape == (44, 60)
    assert after.scores.isfinite().all()
    assert not torch.equal(after.scores, before.scores)
