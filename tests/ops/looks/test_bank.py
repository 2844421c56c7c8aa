"""The bank against a sort in plain Python; any order and any split give the same patches."""

import math

import pytest
import torch

from tagalign.ops.looks.bank import Bank

SCALE, KEEP, LABELS = 20.0, 3, 4


@pytest.fixture
def photos():
    return torch.randn(9, 10, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def text():
    return torch.randn(LABELS, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def banks(photos, text, **more):
    return [Bank.of_photo(p, text, photo=i, scale=SCALE, keep=KEEP, **more) for i, p in enumerate(photos)]


def merged(parts):
    total = parts[0]
    for part in parts[1:]:
        total = (total + part).surest(KEEP)
    return total


def loop_reference(photos, text):
    """(label, photo, place) of the surest patches, one patch at a time."""
    found = {}
    for number, photo in enumerate(photos.tolist()):
        for place, patch in enumerate(photo):
            cosines = [
                sum(a * b for a, b in zip(patch, word, strict=True)) / math.hypot(*patch) / math.hypot(*word)
                for word in text.tolist()
            ]
            exps = [math.exp(SCALE * c) for c in cosines]
            probs = [e / sum(exps) for e in exps]
            entropy = -sum(p * math.log(max(p, 1e-10)) for p in probs)
            found.setdefault(probs.index(max(probs)), []).append((entropy, number, place))
    return sorted((label, n, p) for label, rows in found.items() for _, n, p in sorted(rows)[:KEEP])


def rows_of(bank):
    return list(zip(bank.labels.tolist(), bank.photos.tolist(), bank.places.tolist(), strict=True))


def test_bank_is_that_of_a_loop(photos, text):
    assert rows_of(merged(banks(photos, text))) == loop_reference(photos, text)


def test_order_of_merging_changes_nothing(photos, text):
    parts = banks(photos, text)
    there, back = merged(parts), merged(parts[::-1])
    assert all(torch.equal(a, back.tensors()[name]) for name, a in there.tensors().items())


def test_equal_entropies_go_by_photo_and_place(text):
    photo = text[:1].repeat(10, 1)
    found = merged([Bank.of_photo(photo, text, photo=i, scale=SCALE, keep=KEEP) for i in (1, 0)])
    assert rows_of(found) == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]


def test_words_behind_the_labels_take_patches_and_keep_none(photos, text):
    found = merged(banks(photos, text, answers=2))
    assert set(found.labels.tolist()) <= {0, 1}
    assert rows_of(found) == [row for row in loop_reference(photos, text) if row[0] < 2]


def test_patches_are_unit_length(photos, text):
    torch.testing.assert_close(
        merged(banks(photos, text)).patches.norm(dim=1), torch.ones(12, dtype=torch.float64)
    )
