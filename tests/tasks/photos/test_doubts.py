import pytest
import torch

from tagalign.methods.thresholds import Threshold
from tagalign.tasks.photos.doubts import doubt_of, mask_doubts, tag_doubts
from tagalign.types import Segmentation, Tagging


def tagging(*chosen, scores=(0.9, 0.5, 0.2)):
    return Tagging(names=("a", "b", "c"), scores=scores, chosen=chosen)


def test_own_choices_have_their_cut_between_chosen_and_others():
    near = tag_doubts(tagging(0, scores=(0.55, 0.5, 0.2)))
    far = tag_doubts(tagging(0))
    assert near["errors"] > far["errors"]
    assert far["margin"] == pytest.approx(0.4)
    assert far["disagreement"] is None


def test_calibrated_labels_are_doubtful_near_their_own_threshold():
    at_its_cut = Threshold(kind="calibrated", value=0.5, per_label={"a": 0.89, "b": 0.9, "c": 0.9})
    far_from_it = Threshold(kind="calibrated", value=0.5, per_label={"a": 0.1, "b": 0.9, "c": 0.9})
    doubts = [tag_doubts(tagging(0), threshold=one)["errors"] for one in (at_its_cut, far_from_it)]
    assert doubts[0] > doubts[1] + 0.4


def test_a_second_answer_that_differs_adds_doubt():
    alone = tag_doubts(tagging(0))
    same = tag_doubts(tagging(0), other=tagging(0))
    other = tag_doubts(tagging(0), other=tagging(1, scores=(0.3, 0.8, 0.2)))
    assert (same["disagreement"], other["disagreement"]) == (0, 2)
    assert other["errors"] > same["errors"] == pytest.approx(alone["errors"])


def test_masks_and_their_second_answer():
    labels = torch.tensor([[0, 1]])
    found = Segmentation(labels=labels, names=("a", "b"), scores=torch.tensor([[0.6, 0.8]]))
    other = Segmentation(labels=labels.flip(-1), names=("a", "b"), scores=found.scores)
    values = mask_doubts(found, other=other)
    assert values["margin"] == pytest.approx(0.7)
    assert values["disagreement"] == 1
    assert mask_doubts(found)["disagreement"] is None


def test_doubt_is_high_where_one_should_look():
    assert doubt_of({"margin": 0.3}, "margin") == -0.3
    assert doubt_of({"errors": 0.3}, "errors") == 0.3
    assert doubt_of({"margin": 0.3}, "entropy") is None
