"""The weighting of class scores by the trusty map, against a loop; and which labels count as seen."""

import math

import pytest
import torch

from tagalign.errors import InputError, UnknownNameError
from tagalign.labels import Label, LabelSet
from tagalign.methods.trusty.combine import check_weighting, combine_scores, weigh
from tagalign.methods.trusty.names import seen_ids

SEEN = (0, 2, 3)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 5, 3, 4, generator=generator), torch.randn(2, 1, 3, 4, generator=generator)


@pytest.mark.parametrize("weighting", ["both", "seen", "unseen", "none"])
@pytest.mark.parametrize("calibration", [0.0, 0.1])
def test_matches_a_loop(logits, weighting, calibration):
    classes, trusty = logits
    found = combine_scores(classes, trusty, SEEN, weighting=weighting, calibration=calibration)
    for b, c, i, j in torch.cartesian_prod(*map(torch.arange, classes.shape)).tolist():
        score, u = sigmoid(classes[b, c, i, j].item()), sigmoid(trusty[b, 0, i, j].item())
        if c in SEEN:
            score -= calibration  # before the weighting
            score *= 1 - u if weighting in ("both", "seen") else 1
        else:
            score *= u if weighting in ("both", "unseen") else 1
        # float32 sigmoids
        assert found[b, c, i, j].item() == pytest.approx(score, abs=1e-6)


def test_a_sure_trusty_map_decides_between_the_kinds(logits):
    classes, trusty = logits
    for value, kind in {40.0: True, -40.0: False}.items():
        best = combine_scores(classes, torch.full_like(trusty, value), SEEN).argmax(dim=1)
        assert bool((torch.isin(best, torch.tensor(SEEN)) != kind).all())


def test_parts_of_the_classes_are_weighed_like_the_whole(logits):
    classes, trusty = logits
    whole = combine_scores(classes, trusty, SEEN, calibration=0.1)
    is_seen = torch.tensor([True, False, True, True, False])
    part = weigh(classes[:, 2:4], trusty, is_seen[2:4], weighting="both", calibration=0.1)
    # a sigmoid differs in its last bit with the place of a number in a vector register
    torch.testing.assert_close(part, whole[:, 2:4], atol=1e-7, rtol=0)


def test_refusals(logits):
    classes, trusty = logits
    with pytest.raises(InputError, match="needs a trusty map"):
        combine_scores(classes, None, SEEN)
    with pytest.raises(InputError, match="needs a class that was not seen"):
        combine_scores(classes, trusty, range(5))
    with pytest.raises(InputError, match="from 0 to 4, got 5"):
        combine_scores(classes, trusty, [5])
    with pytest.raises(UnknownNameError, match="'all'"):
        check_weighting("all", has_map=True, all_seen=False)
    assert combine_scores(classes, None, range(5), weighting="none").shape == classes.shape


def label_set(*names, aliases=()):
    labels = tuple(Label(name=name, aliases=tuple(aliases) if i == 0 else ()) for i, name in enumerate(names))
    return LabelSet(name="custom", labels=labels)


def test_trained_names_are_seen_in_any_case_and_by_alias():
    labels = label_set("airplane", "Dog", "red  car", "unicorn", aliases=("aeroplane",))
    assert seen_ids(labels, ["aeroplane", "dog", "red car"]) == (0, 1, 2)


def test_given_names_win_over_trained_ones():
    labels = label_set("a", "b", "c")
    assert seen_ids(labels, ["a"], seen=["b", "c"]) == (1, 2)
    assert seen_ids(labels, ["a"], unseen=["b"]) == (0, 2)
    assert seen_ids(labels, ["a"], seen=["a"], unseen=["b", "c"]) == (0,)
    assert seen_ids(labels, ["a"], seen=[]) == ()


def test_names_that_cannot_be_are_refused():
    labels = label_set("a", "b", "c")
    with pytest.raises(InputError, match="unseen name 'd' is none of the labels: a, b, c"):
        seen_ids(labels, [], unseen=["d"])
    with pytest.raises(InputError, match="'b' is given as seen and as unseen"):
        seen_ids(labels, [], seen=["a", "b"], unseen=["b", "c"])
    with pytest.raises(InputError, match="'c' is given neither as seen nor as unseen"):
        seen_ids(labels, [], seen=["a"], unseen=["b"])
