"""Text to BERT word pieces and back: captions, questions and joined tags.

Special tokens stand in the vocabulary file; ``[DEC]`` and ``[ENC]`` are appended when it lacks them, as the release
does. Special names inside a user's text stay ordinary characters.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Int
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor

from tagalign.errors import InputError, ModelError

SEPARATOR = " | "  # between tags
MAX_TOKENS = 40  # of a tag row and of a caption
ADDED = ("[DEC]", "[ENC]")
NEEDED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")

_LOWER = normalizers.BertNormalizer(lowercase=True)
_SPLIT = pre_tokenizers.BertPreTokenizer()

Ids = Int[Tensor, "batch tokens"]
Mask = Bool[Tensor, "batch tokens"]


class Wordpieces:
    """The tokenizer of one model.

    Attributes:
        pieces: all pieces in id order, ``[DEC]`` and ``[ENC]`` included.
        pad: id that fills rows.
        cls: first token of a text for the contrastive embedding.
        sep: end of every text.
        dec: first token of what the decoder writes.
        enc: first token of what meets the image.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        known = set(pieces)
        if missing := [token for token in NEEDED if token not in known]:
            raise ModelError(f"the word pieces need {', '.join(NEEDED)}; {', '.join(missing)} is missing")
        if len(known) != len(pieces):
            raise ModelError("the word pieces hold a piece twice; expected one per line, each once")
        self.pieces = (*pieces, *(token for token in ADDED if token not in known))
        ids = {piece: i for i, piece in enumerate(self.pieces)}
        self.pad, self.cls, self.sep = ids["[PAD]"], ids["[CLS]"], ids["[SEP]"]
        self.dec, self.enc = ids["[DEC]"], ids["[ENC]"]
        self._special = {ids[token] for token in (*NEEDED, *ADDED, "[MASK]") if token in ids} - {ids["[UNK]"]}
        self._tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106
        self._tokenizer.normalizer = _LOWER
        self._tokenizer.pre_tokenizer = _SPLIT
        self._tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)

    @classmethod
    def from_file(cls, path: Path) -> "Wordpieces":
        """Read a ``vocab.txt``: one piece per line, line number = id.

        Raises:
            ModelError: if it cannot be read, repeats a piece or lacks a special token.
        """
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path}: expected a file with one word piece per line ({error})") from error
        return cls(lines[:-1] if lines[-1] == "" else lines)

    @classmethod
    def from_texts(cls, texts: Iterable[str], *, size: int = 8192) -> "Wordpieces":
        """Pieces for a small closed world: its most frequent words whole, and single characters for all others.

        Args:
            texts: read once.
            size: most pieces, special ones and characters included.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(word for word, _ in _SPLIT.pre_tokenize_str(_LOWER.normalize_str(text)))
        letters = sorted({letter for word in counts for letter in word})
        fixed = [*NEEDED, *ADDED, *letters, *(f"##{letter}" for letter in letters)]
        words = sorted(counts.keys() - set(letters), key=lambda word: (-counts[word], word))
        return cls([*fixed, *words[: max(0, size - len(fixed))]])

    def __len__(self) -> int:
        return len(self.pieces)

    def save(self, path: Path) -> None:
        """Write the pieces, one per line."""
        path.write_text("\n".join(self.pieces) + "\n", encoding="utf-8")

    def row(self, text: str) -> list[int]:
        """Ids of a text without special tokens."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def batch(
        self, texts: Sequence[str], *, first: int, max_tokens: int = MAX_TOKENS, pad_to: int | None = None
    ) -> tuple[Ids, Mask]:
        """``[first] pieces [SEP]`` per text, cut to ``max_tokens`` with the end kept, padded behind.

        Args:
            texts: at least one.
            first: id of the first token (``dec``, ``enc``, ``cls``).
            max_tokens: most tokens of a row, first and end included.
            pad_to: length of all rows; the longest row when None.
        """
        return self.pad_rows(
            ([first, *self.row(t)[: max_tokens - 2], self.sep] for t in texts), pad_to=pad_to
        )

    def pad_rows(self, rows: Iterable[Sequence[int]], *, pad_to: int | None = None) -> tuple[Ids, Mask]:
        """Id rows to a padded matrix and its mask (True at real tokens).

        Raises:
            InputError: if there is no row.
        """
        rows = list(rows)
        if not rows:
            raise InputError("expected at least one text, got none")
        length = max(map(len, rows)) if pad_to is None else pad_to
        ids = torch.tensor([[*row, *[self.pad] * (length - len(row))] for row in rows])
        sizes = torch.tensor([len(row) for row in rows])
        return ids, torch.arange(length) < sizes[:, None]

    def fit_tags(self, tags: Sequence[str], *, max_tokens: int = MAX_TOKENS) -> tuple[str, ...]:
        """The tags, in order, that fit whole into ``max_tokens`` when joined; a shorter one may follow a skipped one."""
        room = max_tokens - 2
        bar = len(self.row(SEPARATOR))
        kept: list[str] = []
        for tag in tags:
            cost = len(self.row(tag)) + (bar if kept else 0)
            if 0 < cost <= room:
                kept.append(tag)
                room -= cost
        return tuple(kept)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids without special tokens."""
        text: str = self._tokenizer.decode(
            [i for i in ids if i not in self._special], skip_special_tokens=False
        )
        return text


def join_tags(tags: Sequence[str]) -> str:
    """Tags as the tag encoder reads them: ``dog | frisbee``."""
    return SEPARATOR.join(tags)
