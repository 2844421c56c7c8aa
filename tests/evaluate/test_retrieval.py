"""Recall at k against a plain loop, by hand, and with ties."""

import pytest
import torch

from tagalign.errors import InputError
from tagalign.evaluate.retrieval import ranks, recall_at, recalls


def loop_recall(similarity, image_of_text, k):
    """Text retrieval: is a text of the image among the k best texts?"""
    hits = 0
    for image, row in enumerate(similarity.tolist()):
        order = sorted(range(len(row)), key=lambda t: -row[t])
        hits += any(image_of_text[t] == image for t in order[:k])
    return hits / len(similarity)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_recall_equals_a_loop_both_ways(k):
    generator = torch.Generator().manual_seed(0)
    similarity = torch.randn(12, 36, generator=generator)
    image_of_text = torch.arange(36) // 3
    similarity[image_of_text, torch.arange(36)] += 1.0
    ours = recalls(similarity, image_of_text)
    assert ours[f"text_recall@{k}"] == pytest.approx(
        loop_recall(similarity, image_of_text.tolist(), k), abs=1e-12
    )
    to_image = sum(
        int(image_of_text[t]) in sorted(range(12), key=lambda i: -float(similarity[i, t]))[:k]
        for t in range(36)
    )
    assert ours[f"image_recall@{k}"] == pytest.approx(to_image / 36, abs=1e-12)


def test_negative_scores_rank_like_positive_ones():
    scores, relevant = torch.tensor([[-0.1, -0.5, -0.2]]), torch.tensor([[True, False, True]])
    assert recall_at(ranks(scores, relevant), 2) == 1.0
    assert torch.equal(ranks(scores, relevant), ranks(scores + 1, relevant))


def test_ties_follow_the_named_rule():
    scores, relevant = torch.ones(1, 5), torch.tensor([[False, False, True, False, False]])
    found = {
        rule: float(ranks(scores, relevant, ties=rule)[0])
        for rule in ("pessimistic", "average", "optimistic")
    }
    assert found == {"pessimistic": 5.0, "average": 3.0, "optimistic": 1.0}


def test_two_relevant_items_of_one_score_do_not_push_each_other_back():
    assert float(ranks(torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool))[0]) == 1.0


def test_query_without_relevant_item_is_refused():
    with pytest.raises(InputError, match="query 1 has no relevant item"):
        ranks(torch.ones(2, 1), torch.tensor([[True], [False]]))


class ToyRanker:
    """Embeds an image as its index; sentence 0 of an image fits it, sentence 1 fits the next image."""

    def embed_texts(self, texts):
        return torch.nn.functional.one_hot(torch.tensor([int(t) for t in texts]), 4).float()


def packed_rows():
    from tagalign.evaluate.rows import pack_embeds

    ranker = ToyRanker()
    rows = []
    for i in range(4):
        texts = ranker.embed_texts([str(i), str((i + 1) % 4)])
        rows.append({"image": pack_embeds(ranker.embed_texts([str(i)])), "texts": pack_embeds(texts)})
    return rows


def test_scores_of_stored_embeddings():
    from tagalign.evaluate.score import score_retrieval

    found = score_retrieval(packed_rows(), {})
    # each image has one perfect sentence, tied with a sentence of the image before: the tie counts against it
    assert found.metrics["text_recall@1"] == 0.0
    assert found.metrics["text_recall@5"] == 100.0
    # half of the sentences fit their image, the other half fit another one best
    assert found.metrics["image_recall@1"] == 50.0
    for name, statistic in found.statistics.items():
        assert statistic(torch.ones(1, 4).double().numpy())[0] == pytest.approx(found.metrics[name])


def test_stored_embeddings_come_back_bit_for_bit():
    from tagalign.evaluate.rows import pack_embeds, unpack_embeds

    embeds = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(unpack_embeds(pack_embeds(embeds)), embeds)
    assert unpack_embeds(pack_embeds(embeds[:0])).shape == (0, 7)
