"""The card of a trained folder says what the run was and which numbers it ended with."""

import re

from tagalign.methods.tagalign.folder import TagAlignConfig
from tagalign.train.tagalign.model_card import model_card

CONFIG = TagAlignConfig(backbone="tiny", backbone_hash="12ab", profile="paper", width=8, dim=4)
SETTINGS = {
    "loss_weights": {"tag": 1.0, "contrastive": 0.5}, "profile": "paper", "loss": "softmax", "vocabulary_size": 321,
    "steps": 70, "batch_size": 16, "learning_rate": 0.001, "seed": 5,
}  # fmt: skip


def table(card):
    return dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", card, re.M))


def test_everything_comes_from_the_run():
    card = model_card(CONFIG, SETTINGS, {"loss": 1.23456789})
    found = table(card)
    assert "`tiny`" in card
    assert "`12ab`" in card
    assert (found["tag loss"], found["loss weights"]) == ("softmax", "tag 1, contrastive 0.5")
    assert (found["steps"], found["seed"], found["loss"]) == ("70 of 16 images", "5", "1.2346")
    assert found["tags"].startswith("321 ")
    assert "captions alone" in card
    assert "distilled" not in found


def test_a_teacher_is_named():
    card = model_card(CONFIG, SETTINGS | {"teacher_labels": 12, "teacher_student": "patches"}, {})
    assert table(card)["distilled"] == "12 labels of a frozen tagger, into patches"
    assert "the scores of a tagger" in card
