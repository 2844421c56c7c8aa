"""Maps of words to maps of labels, against plain loops over labels."""

import torch

from tagalign.labels import Label, LabelSet
from tagalign.methods.trusty.label_logits import MOST_LOGIT, best_alias, margins
from tagalign.methods.trusty.network import MaskLogits
from tagalign.types import EncodedLabels, Negatives

OWNERS = torch.tensor([0, 1, 2, 1, 1])  # the second label has two aliases


def labels_of(owners):
    names = tuple(Label(name=f"label {i}") for i in range(int(owners.max()) + 1))
    return EncodedLabels(
        method="trusty", label_set=LabelSet(name="three", labels=names), embeds=torch.zeros(len(owners), 4),
        owners=owners, background=torch.zeros(0, 4),
    )  # fmt: skip


def test_a_label_has_the_map_of_its_best_word_at_each_place():
    maps = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    trusty = torch.zeros(2, 1, 3, 4)
    found = best_alias(MaskLogits(classes=maps, trusty=trusty), labels_of(OWNERS))
    for label in range(3):
        rows = [i for i, owner in enumerate(OWNERS.tolist()) if owner == label]
        assert torch.equal(found.classes[:, label], maps[:, rows].amax(dim=1))
    assert found.trusty is trusty


def test_labels_of_one_word_keep_their_maps():
    logits = MaskLogits(classes=torch.randn(1, 3, 2, 2), trusty=None)
    assert best_alias(logits, labels_of(torch.arange(3))) is logits


def test_a_margin_is_the_best_word_before_the_best_negative():
    maps = torch.randn(8, 3, 4, generator=torch.Generator().manual_seed(1))
    negatives = Negatives(embeds=torch.zeros(3, 4), owners=torch.tensor([2, 0, 2]))
    found = margins(maps, labels_of(OWNERS), negatives)
    assert torch.equal(found[0], maps[0] - maps[6])
    assert torch.equal(found[1], maps[[1, 3, 4]].amax(dim=0) + MOST_LOGIT)  # nothing excludes it
    assert torch.equal(found[2], maps[2] - maps[[5, 7]].amax(dim=0))
