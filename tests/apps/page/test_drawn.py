"""Masks of a drawing against plain loops over the pixels."""

import pytest
import torch

pytest.importorskip("gradio", reason="the app extra is not installed")
from tagalign.apps.page.drawn import DRAWN_SIDE, drawn_masks
from tagalign.tasks.regions.voting import part_instances
from tagalign.types import Segmentation


def test_shares_and_scores_are_those_of_the_pixels() -> None:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 4, (30, 40), generator=generator)
    scores = torch.rand(30, 40, generator=generator)
    names = ("background", "dog", "cat", "cow")
    for one in drawn_masks(Segmentation(labels=ids, names=names, scores=scores)):
        inside = ids == names.index(one.name)
        assert (one.mask == inside.numpy()).all()
        assert one.share == pytest.approx(inside.float().mean().item())
        # sums in float32 of about 300 numbers
        assert one.score == pytest.approx(scores[inside].mean().item(), rel=1e-5)


def test_instances_are_masks_of_their_own_and_the_largest_stands_first() -> None:
    ids = torch.tensor([[0, 1, 0, 0]])
    found = part_instances(
        Segmentation(labels=ids, names=("dog", "cat"), scores=torch.ones(ids.shape)), min_area=1
    )
    drawn = list(drawn_masks(found))
    assert [(one.name, one.share) for one in drawn] == [("dog", 0.5), ("dog", 0.25), ("cat", 0.25)]
    assert drawn[0].mask.tolist() == [[False, False, True, True]]


def test_a_large_photo_is_drawn_at_a_bounded_size_where_its_masks_lie() -> None:
    ids = torch.zeros(30, 3000, dtype=torch.int64)
    ids[:, 1500:] = 1
    found = Segmentation(labels=ids, names=("dog", "cat"), scores=torch.zeros(ids.shape))
    dog, cat = drawn_masks(found)
    assert dog.mask.shape == cat.mask.shape == (6, DRAWN_SIDE)
    assert dog.mask[:, : DRAWN_SIDE // 2].all()
    assert cat.mask[:, DRAWN_SIDE // 2 :].all()
