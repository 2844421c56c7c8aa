"""Scores of all pairs from stored rows, against the formula written as loops over a drawn benchmark."""

import math

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import InputError
from tagalign.evaluate.ranking import RankingRule, final_scores, first_scores, pairs_to_match
from tagalign.evaluate.rows import pack_embeds
from tagalign.evaluate.score import score_retrieval

IMAGES, EACH, TAGS = 7, 3, 5


def drawn(seed=0):
    """Rows with tags, and a probability for every pair."""
    g = torch.Generator().manual_seed(seed)
    rows = []
    for i in range(IMAGES):
        embeds = F.normalize(torch.randn(1 + EACH, 6, generator=g), dim=-1)
        ids = sorted(torch.randperm(TAGS, generator=g)[:3].tolist())
        named = [sorted(torch.randperm(TAGS + 2, generator=g)[:n].tolist()) for n in (0, 1, 2)]
        tags = {"ids": ids, "probs": torch.rand(3, generator=g).tolist()}
        rows.append(
            {
                "i": i,
                "image": pack_embeds(embeds[:1]),
                "texts": pack_embeds(embeds[1:]),
                "tags": tags,
                "named": named,
            }
        )
    return rows, torch.rand(IMAGES, IMAGES * EACH, generator=g)


def unpacked(value):
    from tagalign.evaluate.rows import unpack_embeds

    return unpack_embeds(value).tolist()


def loop_scores(rows, weight):
    """cos(I, T) + w * mean over the tags named in T of p_I(t), pair by pair."""
    table = []
    for row in rows:
        image, probs = (
            unpacked(row["image"])[0],
            dict(zip(row["tags"]["ids"], row["tags"]["probs"], strict=True)),
        )
        line = []
        for other in rows:
            for text, named in zip(unpacked(other["texts"]), other["named"], strict=True):
                cosine = sum(a * b for a, b in zip(image, text, strict=True))
                shared = sum(probs.get(t, 0.0) for t in named) / len(named) if named else 0.0
                line.append(cosine + weight * shared)
        table.append(line)
    return table


def loop_order(scores, probs, count):
    """Items by score + probability on the shortlist of the best, then all others by score."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return [*sorted(order[:count], key=lambda i: -(scores[i] + probs[i])), *order[count:]]


def loop_recalls(table, probs, count):
    """Share of queries with a right item among the first k, both ways."""
    found = {}
    columns = [list(c) for c in zip(*table, strict=True)]
    for k in (1, 5, 10):
        hits = [
            any(t // EACH == i for t in loop_order(line, probs[i].tolist(), count)[:k])
            for i, line in enumerate(table)
        ]
        found[f"text_recall@{k}"] = 100 * sum(hits) / len(hits)
        hits = [
            t // EACH in loop_order(line, probs[:, t].tolist(), count)[:k] for t, line in enumerate(columns)
        ]
        found[f"image_recall@{k}"] = 100 * sum(hits) / len(hits)
    return found


def with_matches(rows, probs, rule):
    pairs = pairs_to_match(first_scores(rows, rule), rule.rerank)
    return [
        row
        | {
            "matches": {
                "texts": [t for i, t in pairs if i == row["i"]],
                "ways": [way for (i, _), way in pairs.items() if i == row["i"]],
                "probs": [float(probs[i, t]) for i, t in pairs if i == row["i"]],
            }
        }
        for row in rows
    ]


@pytest.mark.parametrize("weight", [0.0, 0.3, 40.0])
def test_the_first_look_is_the_formula(weight):
    rows, _ = drawn()
    found = first_scores(rows, RankingRule(tag_weight=weight))
    # float32 sums of six products
    torch.testing.assert_close(found, torch.tensor(loop_scores(rows, weight)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.7, 40.0])
@pytest.mark.parametrize("count", [1, 3, 100])
def test_recalls_after_a_second_look_are_those_of_a_loop(weight, count):
    for seed in range(3):
        rows, probs = drawn(seed)
        rule = RankingRule(tag_weight=weight, rerank=count)
        scoring = {"tag_weight": weight, "rerank": count}
        found = score_retrieval(with_matches(rows, probs, rule), scoring).metrics
        assert found == pytest.approx(loop_recalls(loop_scores(rows, weight), probs, count))


def test_each_pair_is_looked_at_once_for_both_directions():
    rows, _ = drawn()
    scores = first_scores(rows, RankingRule())
    pairs = pairs_to_match(scores, 2)
    for (image, text), way in pairs.items():
        assert bool(way & 1) == (text in scores[image].topk(2).indices)
        assert bool(way & 2) == (image in scores[:, text].topk(2).indices)
    assert sum(bool(way & 1) for way in pairs.values()) == 2 * IMAGES
    assert sum(bool(way & 2) for way in pairs.values()) == 2 * IMAGES * EACH


def test_without_a_rule_the_cosine_counts_alone():
    rows, _ = drawn()
    bare = [{name: row[name] for name in ("i", "image", "texts")} for row in rows]
    both = final_scores(bare, RankingRule())
    assert torch.equal(both.to_text, both.to_image)
    torch.testing.assert_close(both.to_text, torch.tensor(loop_scores(rows, 0.0)), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"tag_weight": -0.1}, {"tag_weight": math.nan}, {"rerank": -1}])
def test_what_cannot_count_is_refused(wrong):
    with pytest.raises(InputError, match="at least 0"):
        RankingRule(**wrong)
