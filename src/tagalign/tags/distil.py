"""Training of the distilled parser from any parser's output; imports torch, so only ``tagalign distil`` imports it.

Words and their pieces are embedded, two or three convolutions look at the neighbours, and a chain of label transitions
(a linear-chain conditional random field) makes the labels of a caption fit together. Minutes on a CPU.
"""

import csv
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.numpy import save_file
from torch import Tensor, nn

from tagalign.atomic import atomic_write
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text
from tagalign.tags.alignment import Aligned, align, learn_rewrites, learn_stand_ins
from tagalign.tags.distilled import FORMAT
from tagalign.tags.label_chain import beliefs, chain_loss, follow_loss
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tagger import piece_buckets, word_pieces
from tagalign.tags.tagger_network import TaggerNetwork

BLANK, UNKNOWN = "<blank>", "<unknown>"
_NUM_PIECES = len(word_pieces("word"))
_IGNORED = -100  # label of blanks


@dataclass(frozen=True, kw_only=True)
class DistilSettings:
    """Size and training of a tagger.

    Attributes:
        dim: width of the word embeddings.
        width: width of the convolutions.
        layers: convolutions; the first sees two tokens to either side, each further one sees one more.
        buckets: rows of the table of word pieces.
        min_count: words seen less often have no embedding of their own.
        epochs: passes over the captions.
        batch_size: captions per step.
        learning_rate: highest of a cycle that rises for a tenth of the steps and falls to nearly 0.
        weight_decay: of AdamW.
        dropout: share of the activations.
        word_dropout: share of the words that are hidden, so that the tagger learns to judge unknown words by their
            pieces and neighbours.
        members: taggers that are trained first and together teach the last one; 0 trains just one.
        member_epochs: passes of each of them.
        teacher_weight: share of the loss that follows these teachers instead of the parser's own tags.
        seed: of all random choices.
    """

    dim: int = 64
    width: int = 96
    layers: int = 2
    buckets: int = 8192
    min_count: int = 1
    epochs: int = 8
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    dropout: float = 0.3
    word_dropout: float = 0.2
    members: int = 0
    member_epochs: int = 4
    teacher_weight: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        least = (
            self.dim,
            self.width,
            self.layers,
            self.buckets,
            self.epochs,
            self.member_epochs,
            self.batch_size,
        )
        if min(least) < 1:
            raise InputError("dim, width, layers, buckets, both epochs and batch_size must be at least 1")
        if self.members < 0 or not 0 <= self.teacher_weight <= 1:
            raise InputError("members must be at least 0, and teacher_weight in [0, 1]")


@dataclass(frozen=True)
class _Corpus:
    """Captions as tensors: word types of all captions in a row, with the labels."""

    words: dict[str, int]
    types: list[str]
    word_of_type: Int[Tensor, " types"]
    pieces_of_type: Int[Tensor, "types pieces"]
    rows: list[Int[Tensor, " tokens"]]
    labels: list[Int[Tensor, " tokens"]]


def _corpus(aligned: Sequence[Aligned], *, min_count: int, buckets: int) -> _Corpus:
    counts = Counter(token for one in aligned for token in one.tokens)
    known = [word for word, count in counts.most_common() if count >= min_count]
    words = {word: i for i, word in enumerate([BLANK, UNKNOWN, *known])}
    types = [BLANK, *counts]
    index = {word: i for i, word in enumerate(types)}
    pieces = [[0] * _NUM_PIECES, *(piece_buckets(word, buckets) for word in types[1:])]
    return _Corpus(
        words,
        types,
        torch.tensor([0, *(words.get(word, 1) for word in types[1:])]),
        torch.tensor(pieces),
        [torch.tensor([index[token] for token in one.tokens]) for one in aligned],
        [torch.tensor(one.labels) for one in aligned],
    )


def distil(
    rows: Sequence[tuple[str, ParsedCaption]],
    out_dir: str | Path,
    *,
    settings: DistilSettings,
    card: str = "",
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> dict[str, object]:
    """Train a tagger on captions and their tags, and write it as a model folder.

    Args:
        rows: captions with the tags that some parser found in them.
        out_dir: gets ``config.json``, ``model.safetensors``, ``words.txt``, ``rewrites.tsv``, ``README.md``.
        settings: size and training.
        card: text of the model card about data and licence.
        on_epoch: called after each epoch with its number and the mean loss per token, in nats.

    Returns:
        What the model card says in numbers: captions, words, tags without a place, bytes.

    Raises:
        DataError: if there are no captions with tags.
    """
    aligned, facts = _aligned(rows)
    corpus = _corpus(aligned, min_count=settings.min_count, buckets=settings.buckets)
    network = train_with_teachers(corpus, settings, on_epoch=on_epoch)
    rewrites = learn_rewrites(aligned)
    facts |= {"words": len(corpus.words) - 2, "rewrites": len(rewrites)}
    _save(Path(out_dir), network, corpus.words, rewrites, settings, facts, card)
    return facts


def _aligned(rows: Sequence[tuple[str, ParsedCaption]]) -> tuple[list[Aligned], dict[str, object]]:
    stand_ins = learn_stand_ins(rows)
    aligned = [align(caption, parse, stand_ins) for caption, parse in rows]
    aligned = [one for one in aligned if one.tokens]
    tags = sum(len(set(parse.objects)) + len(set(parse.attributes)) for _, parse in rows)
    if not tags:
        raise DataError("there is nothing to learn from: no caption has a tag")
    lost = sum(len(one.missing) for one in aligned)
    return aligned, {"captions": len(aligned), "tags": tags, "tags_without_place": lost}


def train_with_teachers(
    corpus: _Corpus,
    settings: DistilSettings,
    *,
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> TaggerNetwork:
    """Train the members, then the network that they teach; see ``DistilSettings``."""
    members = [
        train(
            corpus,
            replace(settings, seed=settings.seed + 1 + i, epochs=settings.member_epochs),
            on_epoch=on_epoch,
        )
        for i in range(settings.members)
    ]
    return train(corpus, settings, teachers=members, on_epoch=on_epoch)


def train(
    corpus: _Corpus,
    settings: DistilSettings,
    *,
    teachers: Sequence[TaggerNetwork] = (),
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> TaggerNetwork:
    """Train one network; see ``DistilSettings``."""
    torch.manual_seed(settings.seed)
    rng = random.Random(settings.seed)  # noqa: S311 - the order of the captions, not a secret
    network = TaggerNetwork(
        len(corpus.words), dim=settings.dim, width=settings.width, layers=settings.layers,
        buckets=settings.buckets, dropout=settings.dropout,
    )  # fmt: skip
    steps = settings.epochs * -(-len(corpus.rows) // settings.batch_size)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=steps + 1, pct_start=0.1
    )
    for epoch in range(settings.epochs):
        losses = []
        for batch in _batches(corpus.rows, settings.batch_size, rng):
            loss = _loss(network, corpus, batch, settings, teachers)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        on_epoch(epoch + 1, float(np.mean(losses)))
    return network.eval()


def _batches(rows: Sequence[Int[Tensor, " tokens"]], size: int, rng: random.Random) -> Iterator[list[int]]:
    """Captions of like length together, batches in random order."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    pools = [order[i : i + 20 * size] for i in range(0, len(order), 20 * size)]
    order = [i for pool in pools for i in sorted(pool, key=lambda j: len(rows[j]))]
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    rng.shuffle(batches)
    yield from batches


def _loss(
    network: TaggerNetwork,
    corpus: _Corpus,
    batch: Sequence[int],
    settings: DistilSettings,
    teachers: Sequence[TaggerNetwork],
) -> Float[Tensor, ""]:
    pad = nn.utils.rnn.pad_sequence
    types = pad([corpus.rows[i] for i in batch], batch_first=True)
    targets = pad([corpus.labels[i] for i in batch], batch_first=True, padding_value=_IGNORED)
    words, pieces = corpus.word_of_type[types], corpus.pieces_of_type[types]
    hidden = (torch.rand(words.shape) < settings.word_dropout) & (words > 1)
    scores = network(torch.where(hidden, torch.ones_like(words), words), pieces)
    loss = chain_loss(scores, targets, network.transitions, network.first)
    if not teachers:
        return loss
    mask = targets >= 0
    taught = beliefs(*_mean_scores(teachers, words, pieces, mask))
    followed = follow_loss(scores, mask, network.transitions, network.first, taught)
    return (1 - settings.teacher_weight) * loss + settings.teacher_weight * followed


@torch.no_grad()
def _mean_scores(
    teachers: Sequence[TaggerNetwork],
    words: Int[Tensor, "batch tokens"],
    pieces: Int[Tensor, "batch tokens pieces"],
    mask: Bool[Tensor, "batch tokens"],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scores, mask, transitions and first scores of the product of the teachers' distributions."""
    scores = torch.stack([teacher(words, pieces) for teacher in teachers]).mean(dim=0)
    transitions = torch.stack([teacher.transitions for teacher in teachers]).mean(dim=0)
    first = torch.stack([teacher.first for teacher in teachers]).mean(dim=0)
    return scores, mask, transitions, first


def _save(
    out_dir: Path,
    network: TaggerNetwork,
    words: Mapping[str, int],
    rewrites: Mapping[tuple[str, str], str],
    settings: DistilSettings,
    facts: Mapping[str, object],
    card: str,
) -> None:
    config = {"format": FORMAT, "model_type": "distilled-parser", "training": asdict(settings), **facts}
    texts = {
        "words.txt": "\n".join(words),
        "config.json": json_text(config, indent=1) + "\n",
        "README.md": f"# Distilled parser\n\nFinds objects and attributes in English captions.\n\n{card}\n",
    }
    with atomic_write(out_dir / "model.safetensors") as temp:
        save_file(network.weights(), temp)
    with atomic_write(out_dir / "rewrites.tsv") as temp, temp.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
        writer.writerows((kind, words_, tag) for (kind, words_), tag in sorted(rewrites.items()))
    for name, text in texts.items():
        with atomic_write(out_dir / name) as temp:
            temp.write_text(text, encoding="utf-8")
