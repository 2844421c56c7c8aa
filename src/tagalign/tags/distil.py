"""Training of the distilled parser from any parser's output; imports torch, so only ``tagalign distil`` imports it.

Words and their pieces are embedded, two or three convolutions look at the neighbours, and a chain of label transitions
(a linear-chain conditional random field) makes the labels of a caption fit together. Minutes on a CPU.
"""

import csv
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from safetensors.numpy import save_file
from torch import Tensor, nn

from tagalign.atomic import atomic_write
from tagalign.errors import DataError, InputError
from tagalign.tags.alignment import LABELS, Aligned, align, learn_rewrites, learn_stand_ins
from tagalign.tags.distilled import FORMAT
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tagger import REACH, piece_buckets, word_pieces

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


class TaggerNetwork(nn.Module):
    """The trainable twin of ``tagger.Tagger``."""

    def __init__(
        self, num_words: int, *, dim: int, width: int, layers: int, buckets: int, dropout: float
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(num_words, dim, padding_idx=0)
        self.pieces = nn.Embedding(buckets, dim)
        nn.init.normal_(self.words.weight, std=0.1)
        nn.init.normal_(self.pieces.weight, std=0.05)
        self.convs = nn.ModuleList(
            nn.Conv1d(dim if i == 0 else width, width, 2 * reach + 1, padding=reach)
            for i, reach in enumerate([REACH] + [1] * (layers - 1))
        )
        self.out = nn.Linear(width, len(LABELS))
        self.transitions = nn.Parameter(torch.zeros(len(LABELS), len(LABELS)))
        self.first = nn.Parameter(torch.zeros(len(LABELS)))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, words: Int[Tensor, "batch tokens"], pieces: Int[Tensor, "batch tokens pieces"]
    ) -> Float[Tensor, "batch tokens labels"]:
        """Scores of each label, before the transitions; word 0 is the blank."""
        mask = (words > 0).unsqueeze(1)
        embeds = self.words(words) + self.pieces(pieces).sum(dim=2)
        hidden = self.dropout(embeds.transpose(1, 2) * mask)
        for i, conv in enumerate(self.convs):
            update = F.relu(conv(hidden)) * mask
            hidden = self.dropout(update if i == 0 else hidden + update)
        scores: Tensor = self.out(hidden.transpose(1, 2))
        return scores

    def weights(self) -> dict[str, np.ndarray]:
        """The tensors of ``tagger.Tagger``, in half precision."""
        tensors: dict[str, Any] = {"words": self.words.weight, "pieces": self.pieces.weight}
        for i, layer in enumerate(self.convs):
            conv: Any = layer
            tensors |= {f"conv{i}.weight": conv.weight.permute(2, 1, 0), f"conv{i}.bias": conv.bias}
        tensors |= {"out.weight": self.out.weight.T, "out.bias": self.out.bias}
        tensors |= {"transitions": self.transitions, "first": self.first}
        return {
            name: np.ascontiguousarray(t.detach().numpy().astype(np.float16)) for name, t in tensors.items()
        }


def chain_log_partition(
    scores: Float[Tensor, "batch tokens labels"],
    mask: Bool[Tensor, "batch tokens"],
    transitions: Float[Tensor, "labels labels"],
    first: Float[Tensor, " labels"],
) -> Float[Tensor, " batch"]:
    """Log of the sum over all label rows of ``exp(first + scores + transitions)``.

    Args:
        scores: of each label at each token.
        mask: True for tokens; the first token of each row is one.
        transitions: from one label to the next.
        first: of the first label.
    """
    total = first + scores[:, 0]
    for t in range(1, scores.shape[1]):
        step = torch.logsumexp(total.unsqueeze(2) + transitions, dim=1) + scores[:, t]
        total = torch.where(mask[:, t, None], step, total)
    return torch.logsumexp(total, dim=1)


def chain_loss(
    scores: Float[Tensor, "batch tokens labels"],
    targets: Int[Tensor, "batch tokens"],
    transitions: Float[Tensor, "labels labels"],
    first: Float[Tensor, " labels"],
) -> Float[Tensor, ""]:
    """Negative log-likelihood of the label rows, per token.

    ``L = (log Z - first[y_0] - sum_t scores[t, y_t] - sum_t transitions[y_{t-1}, y_t]) / tokens``

    Args:
        scores: of each label at each token.
        targets: y; negative at blanks, which come last in a row.
        transitions: from one label to the next.
        first: of the first label.
    """
    mask, gold = targets >= 0, targets.clamp(min=0)
    picked = scores.gather(2, gold.unsqueeze(2)).squeeze(2)
    moves = transitions[gold[:, :-1], gold[:, 1:]]
    path = first[gold[:, 0]] + (picked * mask).sum(dim=1) + (moves * mask[:, 1:]).sum(dim=1)
    return (chain_log_partition(scores, mask, transitions, first) - path).sum() / mask.sum()


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What teachers expect of a batch, under the product of their distributions over label rows.

    Attributes:
        labels: probability of each label at each token; 0 at blanks.
        moves: expected number of each transition in the whole batch.
        first: expected number of each first label.
    """

    labels: Float[Tensor, "batch tokens labels"]
    moves: Float[Tensor, "labels labels"]
    first: Float[Tensor, " labels"]


def beliefs(
    scores: Float[Tensor, "batch tokens labels"],
    mask: Bool[Tensor, "batch tokens"],
    transitions: Float[Tensor, "labels labels"],
    first: Float[Tensor, " labels"],
) -> Beliefs:
    """Expectations of a chain: the gradient of its log partition function."""
    inputs = [value.detach().requires_grad_() for value in (scores, transitions, first)]
    with torch.enable_grad():
        total = chain_log_partition(inputs[0], mask, inputs[1], inputs[2]).sum()
    return Beliefs(*torch.autograd.grad(total, inputs))


def follow_loss(
    scores: Float[Tensor, "batch tokens labels"],
    mask: Bool[Tensor, "batch tokens"],
    transitions: Float[Tensor, "labels labels"],
    first: Float[Tensor, " labels"],
    taught: Beliefs,
) -> Float[Tensor, ""]:
    """Cross-entropy of a chain against its teachers' distribution over whole label rows, per token.

    ``L = (log Z - E[first[y_0] + sum_t scores[t, y_t] + sum_t transitions[y_{t-1}, y_t]]) / tokens``, E over the
    teachers; exact, because the score of a row is a sum of terms whose expectations ``taught`` holds.

    Args:
        scores: of each label at each token.
        mask: True for tokens.
        transitions: from one label to the next.
        first: of the first label.
        taught: of the same batch.
    """
    expected = (
        (scores * taught.labels).sum() + (transitions * taught.moves).sum() + (first * taught.first).sum()
    )
    return (chain_log_partition(scores, mask, transitions, first).sum() - expected) / mask.sum()


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
    """Trains a tagger on captions and their tags, and writes it as a model folder.

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
    """Trains the members, then the network that they teach; see ``DistilSettings``."""
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
    """Trains one network; see ``DistilSettings``."""
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
        "config.json": json.dumps(config, indent=1) + "\n",
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
