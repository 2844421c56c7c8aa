"""Groups: probabilities against a loop, and that "cat" and "animal" no longer take each other's share."""

import math

import pytest
import torch
import torch.nn.functional as F

from tagalign.labels import Label, LabelSet
from tagalign.methods.groups import group_ids, split_groups
from tagalign.types import EncodedLabels

# float64 sums of four terms
TOL = {"rtol": 1e-12, "atol": 1e-12}


def labels_with(groups, *, aliases=0, background=1):
    torch.manual_seed(0)
    count = len(groups)
    owners = torch.cat([torch.arange(count), torch.zeros(aliases, dtype=torch.long)])
    rows = F.normalize(torch.randn(len(owners) + background, 5, dtype=torch.float64), dim=1)
    names = tuple(Label(name=f"l{i}", group=group) for i, group in enumerate(groups))
    return EncodedLabels(
        method="tagclip",
        label_set=LabelSet(name="t", labels=names),
        embeds=rows[: len(owners)],
        owners=owners,
        background=rows[len(owners) :],
    )


def test_ids_are_grouped_in_the_order_of_first_labels():
    groups = ["b", None, "b", "a", None]
    names = tuple(Label(name=str(i), group=group) for i, group in enumerate(groups))
    assert group_ids(LabelSet(name="t", labels=names)) == [(0, 2), (1, 4), (3,)]


@pytest.mark.parametrize("aliases", [0, 2])
def test_softmax_runs_over_the_group_and_the_background(aliases):
    labels = labels_with(["x", "y", "x"], aliases=aliases)
    patches = torch.randn(4, 5, dtype=torch.float64)
    first = split_groups(labels)[0]
    probs = first.probs(patches, 7.0)
    assert probs.shape == (4, 3)
    for row, patch in zip(probs.tolist(), patches, strict=True):
        unit = patch / patch.norm()
        best = [
            max(
                7 * float(unit @ e)
                for e, owner in zip(labels.embeds, labels.owners, strict=True)
                if owner == i
            )
            for i in (0, 2)
        ]
        logits = [*best, 7 * float(unit @ labels.background[0])]
        total = math.fsum(math.exp(x) for x in logits)
        assert row == pytest.approx([math.exp(x) / total for x in logits], rel=1e-12)


def test_a_label_beside_its_double_keeps_its_score_in_another_group():
    together, apart = labels_with([None, None]), labels_with(["cat", "animal"])
    for labels in (together, apart):
        labels.embeds[1] = labels.embeds[0]
    patch = together.embeds[:1]
    shared = split_groups(together)[0].probs(patch, 100.0)[0]
    alone = [group.probs(patch, 100.0)[0, 0] for group in split_groups(apart)]
    assert shared[:2].tolist() == pytest.approx([0.5, 0.5], abs=1e-6)
    assert [float(p) for p in alone] == pytest.approx([1.0, 1.0], abs=1e-6)


def test_no_background_leaves_the_labels_alone():
    labels = labels_with([None, None], background=0)
    probs = split_groups(labels)[0].probs(torch.randn(3, 5, dtype=torch.float64), 10.0)
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(3, dtype=torch.float64), **TOL)
