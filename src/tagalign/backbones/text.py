"""Prompts to token ids: the model's own tokenizer, cut at the text context with a warning."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from tagalign.errors import InputError, ModelError


class Tokenizer:
    """The tokenizer of a CLIP folder, with the context length of its text tower.

    Attributes:
        context: most tokens per prompt, start and end included.
        eos_id: end of text; the embedding is read there.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, context: int) -> None:
        self._tokenizer = tokenizer
        self.context = context
        self.eos_id: int = tokenizer.eos_token_id

    @classmethod
    def from_folder(cls, folder: Path, *, context: int, eos_id: int) -> "Tokenizer":
        """Load the tokenizer files of a folder.

        Raises:
            ModelError: if they are missing or damaged, or know only the unknown token.
        """
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (
            Exception
        ) as error:  # the loader raises many kinds; all mean that the folder has no usable tokenizer
            raise ModelError(
                f"{folder}: expected tokenizer files (tokenizer.json), could not load them ({error})"
            ) from error
        if len(tokenizer) < 3:  # a folder without vocabulary silently gives start, end and unknown alone
            raise ModelError(
                f"{folder}: the tokenizer has no vocabulary; expected tokenizer.json or vocab.json + merges.txt"
            )
        # OpenAI's configs say 2, which transformers reads as "the highest id of the prompt"
        if eos_id not in (2, tokenizer.eos_token_id):
            raise ModelError(
                f"{folder}: the config ends a text with token {eos_id}, the tokenizer with {tokenizer.eos_token_id}; "
                "they belong to different models"
            )
        return cls(tokenizer, context=context)

    def __call__(self, prompts: Sequence[str]) -> Int[Tensor, "prompts tokens"]:
        """Ids, padded after the end token with the end token (its first place is what counts) to the longest prompt.

        Raises:
            InputError: if a prompt is empty.
        """
        if empty := [i for i, prompt in enumerate(prompts) if not prompt.strip()]:
            raise InputError(f"prompt {empty[0]} is empty; give it at least one visible character")
        if not prompts:
            return torch.zeros(0, self.context, dtype=torch.long)
        # not verbose: transformers would warn of "indexing errors", but long rows are cut below, and that is said
        rows = self._tokenizer(list(prompts), truncation=False, verbose=False)["input_ids"]
        self._warn_long(prompts, rows)
        rows = [row if len(row) <= self.context else [*row[: self.context - 1], self.eos_id] for row in rows]
        longest = max(map(len, rows))
        return torch.tensor([row + [self.eos_id] * (longest - len(row)) for row in rows])

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
