"""Caption scores against pycocoevalcap on the same tokens, and by hand."""

import contextlib
import io
import json
import math
from pathlib import Path

import pytest

from tagalign.evaluate.captioning import bleu, caption_scores, cider, rouge_l, tokenize

CAPTIONS = Path(__file__).parents[3] / "shared/data/coco_mini/annotations/captions_train2017.json"

REFERENCES = [
    ["a brown dog runs on the grass", "a dog is running in a park", "dog on green grass"],
    ["two people ride horses", "a man and a woman on horses near a lake"],
    ["a plate with pizza and a fork", "pizza on a white plate"],
    ["a red bus in the street", "the red bus drives along a busy street", "bus"],
]
CANDIDATES = [
    "a brown dog on the grass",
    "a man rides a horse near the lake",
    "a plate of pizza",
    "red bus red bus red bus",
]


def pycoco(candidates, references):
    """The scorers of the challenge's Python port, on lists of tokens joined by spaces."""
    pytest.importorskip("pycocoevalcap", reason="pycocoevalcap is not installed (extra 'caption')")
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    truths = {i: [" ".join(tokenize(t)) for t in texts] for i, texts in enumerate(references)}
    results = {i: [" ".join(tokenize(c))] for i, c in enumerate(candidates)}
    with contextlib.redirect_stdout(io.StringIO()):
        return {
            "bleu": Bleu(4).compute_score(truths, results)[0],
            "rouge": Rouge().compute_score(truths, results)[0],
            "cider": Cider().compute_score(truths, results),
        }


def test_scores_equal_the_challenge_code():
    expected = pycoco(CANDIDATES, REFERENCES)
    ours = caption_scores(CANDIDATES, REFERENCES)
    # sums of float64 in another order; CIDEr is multiplied by ten
    assert [ours[f"bleu{n}"] for n in range(1, 5)] == pytest.approx(expected["bleu"], abs=1e-9)
    assert ours["rouge_l"] == pytest.approx(expected["rouge"], abs=1e-9)
    assert ours["cider"] == pytest.approx(expected["cider"][0], abs=1e-9)
    own = cider([tokenize(c) for c in CANDIDATES], [[tokenize(t) for t in texts] for texts in REFERENCES])
    assert own == pytest.approx(list(expected["cider"][1]), abs=1e-9)


@pytest.mark.real
def test_scores_of_real_captions_equal_the_challenge_code():
    if not CAPTIONS.exists():
        pytest.skip(f"no real data at {CAPTIONS}")
    by_image = {}
    for row in json.loads(CAPTIONS.read_text())["annotations"]:
        by_image.setdefault(row["image_id"], []).append(row["caption"])
    candidates = [texts[0] for texts in by_image.values()]
    references = [texts[1:] for texts in by_image.values()]
    expected, ours = pycoco(candidates, references), caption_scores(candidates, references)
    assert ours["bleu4"] == pytest.approx(expected["bleu"][3], abs=1e-9)
    assert ours["rouge_l"] == pytest.approx(expected["rouge"], abs=1e-9)
    assert ours["cider"] == pytest.approx(expected["cider"][0], abs=1e-9)


def test_perfect_captions_score_one():
    sentences = [texts[0] for texts in REFERENCES[:3]]
    ours = caption_scores(sentences, [[s] for s in sentences])
    assert ours["rouge_l"] == pytest.approx(1.0, abs=1e-12)
    # the challenge's constants keep BLEU a hair below one; "two people ride horses" has exactly one four-gram
    assert ours["bleu4"] == pytest.approx(1.0, abs=1e-8)
    assert ours["cider"] == pytest.approx(10.0, abs=1e-9)


def test_no_common_word_scores_zero():
    assert rouge_l(["x", "y"], [["a", "b"]]) == 0.0
    assert bleu([["x", "y", "z", "w"]], [[["a", "b", "c", "d"]]])[0] < 1e-12
    assert cider([["x"], ["y"]], [[["a"]], [["b"]]]) == [0.0, 0.0]


def test_empty_caption_scores_zero_and_no_image_gives_nan():
    assert rouge_l([], [["a"]]) == 0.0
    assert cider([[], ["b"]], [[["a"]], [["b"]]])[0] == 0.0
    assert all(math.isnan(value) for value in caption_scores([], []).values())


def test_tokens_are_words_without_punctuation():
    assert tokenize("The cat — it's 3.5 kg, isn’t it?!") == [
        "the",
        "cat",
        "it",
        "'s",
        "3.5",
        "kg",
        "is",
        "n't",
        "it",
    ]
    assert tokenize("  ") == []
