"""Prompts to token ids by the rule of a family: case, marks at both ends, padding, and the cut at the text context."""

import string
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from tagalign.backbones.tokenizer_files import TokenizerFiles
from tagalign.errors import InputError, ModelError

NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, kw_only=True)
class TextRule:
    """How a family turns a prompt into ids, whatever class its tokenizer files name.

    Attributes:
        start: name of the start token; empty for none.
        end: name of the end token; empty for none. It is kept where a prompt is cut.
        lower: upper case is lowered first (for vocabularies whose own files do not).
        strip_punctuation: ASCII punctuation is removed, and spaces are squeezed.
        pad: ``end`` pads with the end token to the longest prompt of a call, ``context`` with ``pad_token`` to the whole
            context, ``longest`` with it to the longest prompt.
        pad_token: name of the padding token.
    """

    start: str = "<|startoftext|>"
    end: str = "<|endoftext|>"
    lower: bool = False
    strip_punctuation: bool = False
    pad: str = "end"
    pad_token: str = ""


class Tokenizer:
    """The tokenizer of a model folder, with the context length of its text tower.

    Attributes:
        context: most tokens per prompt, start and end included.
        eos_id: end of text; None for families without one.
        pad_id: what fills a row.
    """

    def __init__(self, files: TokenizerFiles, rule: TextRule, *, context: int) -> None:
        self._files = files
        self.rule = rule
        self.context = context
        self.start_id = files.id_of(rule.start) if rule.start else None
        self.eos_id = files.id_of(rule.end) if rule.end else None
        padding = rule.end if rule.pad == "end" else rule.pad_token
        self.pad_id = files.id_of(padding)

    @classmethod
    def from_folder(
        cls, folder: Path, *, context: int, rule: TextRule, vocabulary: int, end_id: int | None = None
    ) -> "Tokenizer":
        """Load the tokenizer files of a folder.

        Args:
            folder: of the model.
            context: of the text tower.
            rule: of the family; names of marks that ``tokenizer_config.json`` gives win over the family's.
            vocabulary: rows of the token embedding; no id may lie beyond.
            end_id: of the config, to be compared with the tokenizer's; None for no comparison.

        Raises:
            ModelError: if they are missing or damaged, know only the unknown token, or belong to another model.
        """
        files = TokenizerFiles.read(folder)
        start = files.named("bos_token", rule.start) if rule.start else ""
        end = files.named("eos_token", rule.end) if rule.end else ""
        tokenizer = cls(files, replace(rule, start=start, end=end), context=context)
        if files.highest_id >= vocabulary:
            raise ModelError(
                f"{folder}: the tokenizer has ids up to {files.highest_id}, the text tower knows {vocabulary} tokens; "
                "they belong to different models"
            )
        if end_id is not None and end_id != tokenizer.eos_id:
            raise ModelError(
                f"{folder}: the config ends a text with token {end_id}, the tokenizer with {tokenizer.eos_id}; "
                "they belong to different models"
            )
        return tokenizer

    def __call__(self, prompts: Sequence[str]) -> Int[Tensor, "prompts tokens"]:
        """Ids; what follows the end token never counts, or is hidden from the rest, or was there in training.

        Raises:
            InputError: if a prompt is empty.
        """
        if empty := [i for i, prompt in enumerate(prompts) if not prompt.strip()]:
            raise InputError(f"prompt {empty[0]} is empty; give it at least one visible character")
        if not prompts:
            return torch.zeros(0, self.context, dtype=torch.long)
        rows = [self._marked(ids) for ids in self._files.encode([self._clean(prompt) for prompt in prompts])]
        self._warn_long(prompts, rows)
        rows = [row if len(row) <= self.context else self._cut(row) for row in rows]
        length = self.context if self.rule.pad == "context" else max(map(len, rows))
        return torch.tensor([row + [self.pad_id] * (length - len(row)) for row in rows])

    def _clean(self, prompt: str) -> str:
        text = prompt.lower() if self.rule.lower else prompt
        if not self.rule.strip_punctuation:
            return text
        # a prompt of punctuation alone keeps it: no text at all would be another prompt
        return " ".join(text.translate(NO_PUNCTUATION).split()) or text

    def _marked(self, ids: list[int]) -> list[int]:
        """With start and end, whether or not the file's own post-processor sets them."""
        if self.start_id is not None and ids[:1] != [self.start_id]:
            ids = [self.start_id, *ids]
        if self.eos_id is not None and ids[-1:] != [self.eos_id]:
            ids = [*ids, self.eos_id]
        return ids

    def _cut(self, row: list[int]) -> list[int]:
        return row[: self.context] if self.eos_id is None else [*row[: self.context - 1], self.eos_id]

    def _warn_long(self, prompts: Sequence[str], rows: list[list[int]]) -> None:
        long = [i for i, row in enumerate(rows) if len(row) > self.context]
        if long:
            first = prompts[long[0]]
            shown = first if len(first) <= 60 else first[:57] + "..."
            warnings.warn(
                f"{len(long)} prompt(s) are longer than the {self.context} tokens the model reads and were cut; "
                f"first: {shown!r}",
                stacklevel=4,
            )
