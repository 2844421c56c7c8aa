"""The chain's losses against sums over all label rows, and a small tagger that learns what its teacher says.

Holds ``tags/label_chain.py``, ``tags/tagger_network.py``, ``cli/verbs/distil.py``.
"""

import itertools
import json
import math

import pytest
import torch

from tagalign.cli.main import main
from tagalign.errors import DataError, InputError
from tagalign.tags import ParsedCaption
from tagalign.tags.distil import DistilSettings, distil
from tagalign.tags.distilled import DistilledParser
from tagalign.tags.label_chain import beliefs, chain_log_partition, chain_loss, follow_loss

LABELS, LENGTHS = 3, (4, 2)


@pytest.fixture(autouse=True)
def one_thread():
    """The tensors are tiny; threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def chain():
    generator = torch.Generator().manual_seed(0)
    scores, moves, first = (
        torch.randn(shape, generator=generator, dtype=torch.float64).float()
        for shape in ((2, 4, LABELS), (LABELS, LABELS), (LABELS,))
    )
    mask = torch.tensor([[t < n for t in range(4)] for n in LENGTHS])
    return scores, mask, moves, first


def rows(scores, moves, first, length):
    """Every label row of one caption with its score."""
    for row in itertools.product(range(LABELS), repeat=length):
        total = first[row[0]] + sum(scores[t, y] for t, y in enumerate(row))
        yield row, float(total + sum(moves[a, b] for a, b in itertools.pairwise(row)))


def log_sum(values):
    return math.log(sum(math.exp(v) for v in values))


def test_partition_and_loss_equal_sums_over_all_rows(chain):
    scores, mask, moves, first = chain
    expected = [log_sum(v for _, v in rows(scores[i], moves, first, n)) for i, n in enumerate(LENGTHS)]
    assert chain_log_partition(scores, mask, moves, first).tolist() == pytest.approx(expected, abs=1e-5)
    gold = [(0, 2, 1, 1), (2, 0)]
    targets = torch.full((2, 4), -100)
    for i, row in enumerate(gold):
        targets[i, : len(row)] = torch.tensor(row)
    paths = [dict(rows(scores[i], moves, first, n))[gold[i]] for i, n in enumerate(LENGTHS)]
    loss = (sum(expected) - sum(paths)) / sum(LENGTHS)
    assert chain_loss(scores, targets, moves, first).item() == pytest.approx(loss, abs=1e-5)


def test_following_a_teacher_is_the_cross_entropy_over_all_rows(chain):
    scores, mask, moves, first = chain
    teacher = (scores.flip(2) * 1.5, mask, moves.T.contiguous(), first.flip(0))
    expected = 0.0
    for i, n in enumerate(LENGTHS):
        taught = dict(rows(teacher[0][i], teacher[2], teacher[3], n))
        own = dict(rows(scores[i], moves, first, n))
        total, own_total = log_sum(taught.values()), log_sum(own.values())
        expected -= sum(math.exp(taught[row] - total) * (own[row] - own_total) for row in own)
    loss = follow_loss(scores, mask, moves, first, beliefs(*teacher))
    assert loss.item() == pytest.approx(expected / sum(LENGTHS), abs=1e-5)


COLORS, THINGS = ("red", "blue", "green", "black"), ("car", "dog", "tree", "boat", "house")


def lesson():
    for color, thing, place in itertools.product(COLORS, THINGS, THINGS):
        parse = ParsedCaption(objects=(thing, place), attributes=(color,), pairs=((thing, color),))
        yield f"a {color} {thing} near the {place}", parse


@pytest.mark.parametrize("members", [0, 1])
def test_a_small_tagger_learns_its_teacher(tmp_path, members):
    settings = DistilSettings(
        dim=8, width=16, layers=1, buckets=64, epochs=8, member_epochs=4, batch_size=20, members=members,
        learning_rate=3e-2,
    )  # fmt: skip
    facts = distil(list(lesson()), tmp_path, settings=settings, card="made up")
    assert (facts["captions"], facts["tags_without_place"]) == (100, 0)
    parse = DistilledParser(tmp_path).parse(["a black boat near the dog"])[0]
    assert (parse.objects, parse.pairs) == (("boat", "dog"), (("boat", "black"),))
    assert "made up" in (tmp_path / "README.md").read_text()


def test_nothing_to_learn_and_wrong_settings_are_refused(tmp_path):
    with pytest.raises(DataError, match="no caption has a tag"):
        distil([("a car", ParsedCaption())], tmp_path, settings=DistilSettings())
    with pytest.raises(InputError, match="teacher_weight"):
        DistilSettings(teacher_weight=2.0)


def test_the_verb_reads_tag_rows_with_pairs_and_measures_the_agreement(tmp_path, capsys):
    lines = [
        json.dumps(
            {"caption": caption, "objects": parse.objects, "attributes": [list(p) for p in parse.pairs]}
        )
        for caption, parse in lesson()
    ]
    (tmp_path / "gold.jsonl").write_text("\n".join(lines) + "\n")
    flags = [
        "--dim",
        "8",
        "--width",
        "16",
        "--layers",
        "1",
        "--epochs",
        "40",
        "--test-share",
        "0.1",
        "--json",
    ]
    assert main(["distil", str(tmp_path / "gold.jsonl"), "--out", str(tmp_path / "model"), *flags]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["captions"] == 90
    assert values["object"]["first"] > 0
