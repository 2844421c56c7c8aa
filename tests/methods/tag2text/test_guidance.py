"""Which tags guide, in which order, and as which token ids: against rows that are written out."""

import math

import pytest
import torch

from tagalign.methods.tag2text.guidance import (
    Guidance,
    best_scores,
    guide,
    question_rows,
    recognised_tags,
    scored_tags,
    tag_rows,
)
from tagalign.methods.tag2text.wordpieces import Wordpieces

NAMES = ("run", "dog", "run", "cat")
LOGITS = torch.tensor([0.5, 2.0, 1.0, -1.0])
PIECES = Wordpieces.from_texts(["dog cat red | what colour is the"])


def test_recognised_tags_come_surest_first_and_once():
    chosen = torch.tensor([True, True, True, False])
    assert recognised_tags(LOGITS, chosen, NAMES, sure_first=True) == ["dog", "run"]


def test_the_release_joins_them_by_index_with_repeats():
    chosen = torch.tensor([True, True, True, False])
    assert recognised_tags(LOGITS, chosen, NAMES, sure_first=False) == ["run", "dog", "run"]


def test_a_repeated_name_scores_as_its_best():
    found = best_scores(LOGITS, NAMES)
    assert list(found) == ["run", "dog", "cat"]
    assert found["run"] == pytest.approx(1 / (1 + math.exp(-1.0)))


def test_what_does_not_fit_is_named():
    scores = {"dog": 0.9, "cat": 0.8}
    whole = guide(["dog", "cat", "red"], scores, PIECES, whole=True, max_tokens=5)  # [ENC] dog | cat [SEP]
    assert (whole.tags, whole.left_out, whole.scores) == (("dog", "cat"), ("red",), scores)
    cut = guide(["dog", "cat", "red"], scores, PIECES, whole=False, max_tokens=5)
    assert (cut.tags, cut.left_out) == (("dog", "cat", "red"), ())


def test_a_word_of_ones_own_has_no_score():
    found = scored_tags(Guidance(tags=("dog", "unicorn"), scores={"dog": 0.9}))
    assert found["dog"] == 0.9
    assert math.isnan(found["unicorn"])


def test_rows_of_tags():
    ids, mask = tag_rows([Guidance(tags=("dog", "cat")), Guidance(tags=("red",))], PIECES)
    dog, bar, cat, red = (PIECES.row(word)[0] for word in ("dog", "|", "cat", "red"))
    assert ids[0].tolist() == [PIECES.enc, dog, bar, cat, PIECES.sep]
    assert ids[1, :3].tolist() == [PIECES.enc, red, PIECES.sep]
    assert mask.tolist() == [[True] * 5, [True, True, True, False, False]]


def test_rows_of_questions_have_tags_behind_a_second_mark_or_none():
    ids, mask = question_rows(["what colour"] * 2, [Guidance(tags=("dog",)), Guidance(tags=())], PIECES)
    what, colour, dog = (PIECES.row(word)[0] for word in ("what", "colour", "dog"))
    assert ids[0].tolist() == [PIECES.enc, what, colour, PIECES.sep, dog, PIECES.sep]
    assert ids[1][mask[1]].tolist() == [PIECES.enc, what, colour, PIECES.sep]


def test_a_long_question_leaves_its_tags_their_room():
    ids, _ = question_rows(
        ["what colour is the red dog"], [Guidance(tags=("dog", "cat"))], PIECES, max_tokens=4
    )
    question, tags = PIECES.row("what colour"), PIECES.row("dog | cat")
    assert ids[0].tolist() == [PIECES.enc, *question, PIECES.sep, *tags, PIECES.sep]
