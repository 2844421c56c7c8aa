"""Tokenizer files of a model folder, read with the ``tokenizers`` package alone.

``tokenizer.json`` is taken as it is. OpenAI's older ``vocab.json`` and ``merges.txt`` become CLIP's byte-level BPE.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Regex, pre_tokenizers
from tokenizers import Tokenizer as Engine
from tokenizers.models import BPE
from tokenizers.normalizers import NFC, Lowercase, Replace
from tokenizers.normalizers import Sequence as InTurn

from tagalign.errors import ModelError

CLIP_PIECES = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""OpenAI's pattern: contractions, runs of letters, single digits, runs of anything else."""

WORD_END = "</w>"
START, END = "<|startoftext|>", "<|endoftext|>"
FEWEST = 3
"""A vocabulary of start, end and unknown alone is none."""


class TokenizerFiles:
    """A tokenizer and what ``tokenizer_config.json`` says of it.

    Attributes:
        config: of ``tokenizer_config.json``; empty where there is none.
        highest_id: of all tokens.
    """

    def __init__(self, engine: Engine, config: dict[str, Any], folder: Path) -> None:
        engine.no_padding()  # a file may have both written in; ours are the family's
        engine.no_truncation()
        self._engine = engine
        self._folder = folder
        self.config = config
        self.highest_id = max(engine.get_vocab(with_added_tokens=True).values(), default=0)

    @classmethod
    def read(cls, folder: Path) -> "TokenizerFiles":
        """The files of a folder.

        Raises:
            ModelError: if they are missing or damaged, or know only the unknown token.
        """
        try:
            engine = _engine(folder)
        except ModelError:
            raise
        except Exception as error:  # the package raises plain Exception for a damaged file
            raise ModelError(
                f"{folder}: expected tokenizer files (tokenizer.json), could not load them ({error})"
            ) from error
        if engine.get_vocab_size() < FEWEST:
            raise ModelError(
                f"{folder}: the tokenizer has no vocabulary; expected tokenizer.json or vocab.json + merges.txt"
            )
        return cls(engine, tokenizer_config(folder), folder)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, with the marks of the file's own post-processor."""
        return [encoding.ids for encoding in self._engine.encode_batch(list(texts))]

    def named(self, key: str, default: str) -> str:
        """A special token's text, as the config names it."""
        value = self.config.get(key, default)
        if isinstance(value, dict):
            value = value.get("content", default)
        return value if isinstance(value, str) and self._engine.token_to_id(value) is not None else default

    def id_of(self, token: str) -> int:
        """The id of a token.

        Raises:
            ModelError: if the vocabulary has no such token.
        """
        found = self._engine.token_to_id(token)
        if found is None:
            raise ModelError(
                f"{self._folder}: the tokenizer has no token {token!r}; it belongs to another model"
            )
        return int(found)


def tokenizer_config(folder: Path) -> dict[str, Any]:
    """``tokenizer_config.json``; empty where there is none.

    Raises:
        ModelError: if it is damaged.
    """
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return {}
    values = _json(path)
    return values if isinstance(values, dict) else {}


def _engine(folder: Path) -> Engine:
    if (folder / "tokenizer.json").is_file():
        return Engine.from_file(str(folder / "tokenizer.json"))
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        return clip_engine(_json(folder / "vocab.json"), _merges(folder / "merges.txt"))
    if pieces := [p.name for p in folder.iterdir() if p.suffix == ".model"]:
        raise ModelError(
            f"{folder}: of a tokenizer only {pieces[0]} (sentencepiece) is there; fetch tokenizer.json too, or write it "
            "with `pip install sentencepiece protobuf` and transformers' AutoTokenizer.save_pretrained"
        )
    raise ModelError(
        f"{folder}: expected tokenizer files (tokenizer.json, or vocab.json + merges.txt), found none"
    )


def clip_engine(vocabulary: dict[str, int], merges: Sequence[tuple[str, str]]) -> Engine:
    """OpenAI's byte-level BPE: NFC, white space squeezed, lower case, ``</w>`` at the end of a word."""
    engine = Engine(
        BPE(
            vocab=vocabulary,
            merges=list(merges),
            continuing_subword_prefix="",
            end_of_word_suffix=WORD_END,
            fuse_unk=False,
            unk_token=END,
        )
    )
    engine.normalizer = InTurn([NFC(), Replace(Regex(r"\s+"), " "), Lowercase()])
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    engine.add_special_tokens([START, END])
    return engine


def _merges(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#version")]
    if wrong := [pair for pair in pairs if len(pair) != 2]:
        raise ModelError(f"{path}: expected two pieces a line, got {' '.join(wrong[0])!r}")
    return [(left, right) for left, right in pairs]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: damaged ({error})") from error
