"""What a model and photos say about labels, against plain loops and planted cases."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tagalign.methods.load import load_method
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.label_check import FEW_PHOTOS, MOST_PAIRS, _likest, model_problems, photo_problems
from tagalign.types import EncodedLabels, Tagging

NAMES = ("dog", "cat", "car", "tree")


def taggings(scores, chosen=None):
    """Taggings of photos; all labels chosen unless said otherwise."""
    return [
        Tagging(names=NAMES, scores=tuple(row), chosen=tuple(range(len(row))) if chosen is None else chosen)
        for row in scores.tolist()
    ]


def planted(photos=40):
    """Scores of which the last label follows the first."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.05, 0.9, (photos, 4))
    scores[:, 3] = scores[:, 0] ** 1.1 * 0.8
    return scores


def test_labels_that_rise_and_fall_together_are_alike():
    labels = load_label_set(list(NAMES))
    (found,) = photo_problems(labels, taggings(planted()))
    assert (found.kind, found.labels, found.refused) == ("alike", ("dog", "tree"), False)
    value = np.corrcoef(np.log(planted()).T)[0, 3]
    assert f"{value:.2f}" in found.text


def test_a_label_that_never_changes_correlates_with_nothing():
    scores = planted()
    scores[:, 1:] = 0.5
    assert photo_problems(load_label_set(list(NAMES)), taggings(scores)) == []


def test_labels_of_no_photo_are_named_unless_there_are_few_photos():
    labels = load_label_set(list(NAMES))
    rng = np.random.default_rng(1)
    found = photo_problems(labels, taggings(rng.uniform(0.1, 0.9, (FEW_PHOTOS, 4)), chosen=(0, 2)))
    assert [(one.kind, one.labels) for one in found] == [("not-here", ("cat",)), ("not-here", ("tree",))]
    assert photo_problems(labels, taggings(planted(FEW_PHOTOS - 1), chosen=())) == []


def test_pairs_are_those_of_a_loop_over_blocks_of_labels():
    unit = F.normalize(torch.randn(1500, 6, generator=torch.Generator().manual_seed(0)), dim=1)
    products = unit @ unit.T
    expected = {(i, j) for i in range(1500) for j in (products[i] >= 0.99).nonzero()[:, 0].tolist() if j > i}
    found = _likest(unit, 0.99)
    # products of blocks may round another way than those of the whole
    sure = {(i, j) for i, j in expected if abs(float(products[i, j]) - 0.99) > 1e-5}
    assert (
        sure
        <= {(i, j) for _, i, j in found}
        <= {(i, j) for i, j in expected} | {(i, j) for _, i, j in found[-1:]}
    )
    assert 0 < len(expected) < MOST_PAIRS
    assert [value for value, _, _ in found] == sorted((value for value, _, _ in found), reverse=True)


def test_ten_thousand_labels_are_compared_in_seconds():
    unit = F.normalize(torch.randn(10_000, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    assert len(_likest(unit, 0.9)) == MOST_PAIRS


def test_a_model_names_words_that_it_only_spells_and_texts_that_it_reads_alike():
    method = load_method("tiny", method="maskclip")
    labels = method.encode_labels(load_label_set(["dog", "xqzvwk", "car; not qqwwzz"]))
    unknown = [one.labels for one in model_problems(labels, method) if one.kind == "unknown-word"]
    assert unknown == [("xqzvwk",), ("car",)]
    twins = EncodedLabels(
        method="x",
        label_set=load_label_set(["a", "b", "c"]),
        embeds=torch.tensor([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0]]),
        owners=torch.arange(3),
        background=torch.zeros(0, 2),
    )
    (alike,) = model_problems(twins, object())
    assert (alike.kind, alike.labels) == ("alike", ("a", "b"))


@pytest.mark.parametrize("bound", [0.5, 1.0])
def test_the_bound_decides(bound):
    found = photo_problems(load_label_set(list(NAMES)), taggings(planted()), bound=bound)
    assert bool(found) == (bound < 1)
