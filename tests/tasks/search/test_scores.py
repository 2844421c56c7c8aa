"""Scores by the stated formula, re-ranking on a shortlist, and the visible reason."""

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import InputError
from tagalign.tasks.search.scores import matching_tags, pair_scores, rerank, tag_overlap


@pytest.fixture
def embeds():
    g = torch.Generator().manual_seed(0)
    return [F.normalize(torch.randn(n, 5, generator=g, dtype=torch.float64), dim=-1) for n in (4, 6)]


def test_overlap_is_the_mean_probability_of_the_named_tags():
    probs = torch.tensor([[0.9, 0.0, 0.5], [0.0, 0.8, 0.1]])
    found = tag_overlap(probs, [[0, 2], [1], []])
    assert found[0].tolist() == pytest.approx([0.7, 0.0, 0.0])
    assert found[1].tolist() == pytest.approx([0.05, 0.8, 0.0])


def test_scores_follow_the_formula(embeds):
    images, texts = embeds
    overlap = torch.rand(4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    scores = pair_scores(images, texts, overlap=overlap, tag_weight=0.25)
    for i in range(4):
        for j in range(6):
            cosine = sum(a * b for a, b in zip(images[i].tolist(), texts[j].tolist(), strict=True))
            assert scores[i, j].item() == pytest.approx(cosine + 0.25 * overlap[i, j].item(), abs=1e-12)
    assert torch.equal(
        pair_scores(images, texts), pair_scores(images, texts, overlap=overlap, tag_weight=0.0)
    )


def test_a_negative_weight_is_refused(embeds):
    with pytest.raises(InputError, match="at least 0, got -1"):
        pair_scores(*embeds, tag_weight=-1.0)


@pytest.mark.parametrize("to", ["image", "text"])
def test_rerank_orders_the_shortlist_by_matching_and_leaves_the_rest_behind(embeds, to):
    scores = pair_scores(*embeds)
    table = torch.rand(4, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    asked = []

    def match(images, texts):
        asked.extend(zip(images, texts, strict=True))
        return table[images, texts]

    final = rerank(scores, match, to=to, shortlist=2, match_weight=3.0, batch_size=3)
    before, after, probs = (x.T if to == "image" else x for x in (scores, final, table))
    for old, new, p in zip(before, after, probs, strict=True):
        short = old.topk(2).indices.tolist()
        expected = sorted(short, key=lambda i: -(old[i] + 3 * p[i]).item())
        expected += [i for i in old.argsort(descending=True).tolist() if i not in short]
        assert new.argsort(descending=True).tolist() == expected
    assert len(asked) == len(set(asked)) == 2 * len(before)


def test_rerank_refuses_another_direction(embeds):
    with pytest.raises(InputError, match="'image' or to 'text', got 'both'"):
        rerank(pair_scores(*embeds), lambda i, t: torch.zeros(len(i)), to="both")


def test_the_reason_is_what_both_share():
    names = ["dog", "cat", "train", "train"]
    assert matching_tags([0, 2, 3], [3, 2, 1], names) == ("train",)
    assert matching_tags([], [0], names) == ()
