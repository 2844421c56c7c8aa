"""Proposals from rows of tags: the ranking against a plain loop, synonyms as one, and sense on drawn scenes."""

import math

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tagalign.data.tiny_world import OBJECTS, SYNONYMS, TinyWorld
from tagalign.methods.load import load_method
from tagalign.methods.thresholds import Threshold
from tagalign.tags.label_lines import label_lines
from tagalign.tags.label_sets import common_things, load_label_set
from tagalign.tags.label_words import word_problems
from tagalign.tasks.suggesting import EXAMPLES, NAMED, Proposal, merge, proposed_labels, rank
from tagalign.types import EncodedLabels

ROWS = [
    {"key": "a", "tags": ["dog", "cat"], "tag_scores": [0.9, 0.2]},
    {"key": "b", "tags": ["dog"], "tag_scores": [0.5]},
    {"key": "c", "tags": ["cat", "hot dog"], "tag_scores": [0.7, 0.6]},
]


def test_the_weight_is_the_sum_of_the_scores_where_a_photo_named_it():
    found = rank(ROWS)
    assert [one.name for one in found] == ["dog", "cat", "hot dog"]
    assert found[0].weight == pytest.approx(1.4)
    assert (found[0].photos, found[0].score, found[0].captions) == (2, pytest.approx(0.7), None)
    assert found[0].examples == (("a", 0.9), ("b", 0.5))


def test_the_order_of_the_photos_changes_no_digit():
    """Plain sums of these differ in the last digits, the exact one is Python's ``fsum``."""
    scores = [0.1, 1e16, 0.3, 1.0, 5e-324, 0.7]
    rows = [{"key": str(i), "tags": ["dog"], "tag_scores": [score]} for i, score in enumerate(scores)]
    assert rank(rows) == rank(rows[::-1])
    assert rank(rows)[0].weight == math.fsum(scores)


def test_captions_decide_and_keep_what_no_photo_named():
    found = rank(ROWS, captions={"cat": 9, "dog": 5, "unicorn": 7, "hot dog": 2})
    assert [(one.name, one.captions, one.photos) for one in found] == [
        ("cat", 9, 2),
        ("unicorn", 7, 0),
        ("dog", 5, 2),
        ("hot dog", 2, 1),
    ]


def test_examples_are_the_best_few():
    rows = [{"key": str(i), "tags": ["dog"], "tag_scores": [i / 10]} for i in range(10)]
    assert [key for key, _ in rank(rows)[0].examples] == ["9", "8", "7", "6"][:EXAMPLES]


def encoded(names, rows):
    return EncodedLabels(
        method="x",
        label_set=load_label_set(names),
        embeds=F.normalize(torch.tensor(rows), dim=-1),
        owners=torch.arange(len(names)),
        background=torch.zeros(0, len(rows[0])),
    )


def test_near_synonyms_and_forms_of_a_word_become_one_under_a_single_word():
    names = ["home plate", "house", "car", "cars", "tree"]
    labels = encoded(names, [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]])
    proposals = [Proposal(name=name, weight=9.0 - i, photos=1, score=0.5) for i, name in enumerate(names)]
    found = merge(proposals, labels, most=3)
    assert [(one.name, one.aliases, one.weight) for one in found] == [
        ("house", ("home plate",), 9.0),
        ("car", ("cars",), 7.0),
        ("tree", (), 5.0),
    ]
    assert [one.name for one in merge(proposals, labels, most=2)] == ["house", "car"]
    assert load_label_set(label_lines(proposed_labels(found, "custom"))).names == ("house", "car", "tree")
    assert merge([], labels, most=3) == []


def test_texts_that_lie_close_together_are_no_synonyms_among_many_candidates():
    """What all texts have in common says nothing: all of these have a cosine above 0.99."""
    names = [f"zq{chr(97 + i // 20)}{chr(97 + i % 20)}x" for i in range(60)]
    own = torch.randn(60, 30, generator=torch.Generator().manual_seed(0))
    own[1] = own[0] + 0.1 * own[1]  # the one true synonym
    labels = encoded(names, (F.normalize(own, dim=-1) + torch.tensor([12.0] + [0.0] * 29)).tolist())
    assert float((labels.embeds @ labels.embeds.T).min()) > 0.98
    proposals = [Proposal(name=name, weight=99.0 - i, photos=1, score=0.5) for i, name in enumerate(names)]
    found = merge(proposals, labels, most=60)
    assert found[0].aliases == (names[1],)
    assert len(found) == 59


def test_the_list_of_the_package_is_clean():
    labels = common_things()
    assert len(labels) > 900
    assert [one for one in word_problems(labels) if one.kind != "negative-is-label"] == []


def test_drawn_scenes_propose_what_is_drawn():
    """Of a thousand names a twentieth or so is drawn anywhere; of the first fifteen proposals most must be."""
    method = load_method("tiny", method="maskclip")
    labels = method.encode_labels(common_things())
    photos = [Image.fromarray(scene.image) for scene in TinyWorld(seed=0, split="validation").take(40)]
    choose = Threshold(kind="top", value=NAMED)
    rows = []
    for i, image in enumerate(method.encode_images(photos)):
        scores = method.tag(image, labels).scores
        chosen = choose.choose(scores, labels.names)
        rows.append(
            {
                "key": str(i),
                "tags": [labels.names[k] for k in chosen],
                "tag_scores": [scores[k] for k in chosen],
            }
        )
    found = merge(rank(rows), labels, most=15)
    drawn = {*OBJECTS, *(word for words in SYNONYMS.values() for word in words)}
    hits = [one.name for one in found if not drawn.isdisjoint((one.name, *one.aliases))]
    assert len(hits) >= 10
