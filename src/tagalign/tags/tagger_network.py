"""The network of the distilled parser as it is trained; ``tagger`` runs its weights in numpy."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from tagalign.tags.alignment import LABELS
from tagalign.tags.tagger import REACH


class TaggerNetwork(nn.Module):
    """The trainable twin of ``tagger.WordTagger``."""

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
        """The tensors of ``tagger.WordTagger``, in half precision."""
        tensors: dict[str, Any] = {"words": self.words.weight, "pieces": self.pieces.weight}
        for i, layer in enumerate(self.convs):
            conv: Any = layer
            tensors |= {f"conv{i}.weight": conv.weight.permute(2, 1, 0), f"conv{i}.bias": conv.bias}
        tensors |= {"out.weight": self.out.weight.T, "out.bias": self.out.bias}
        tensors |= {"transitions": self.transitions, "first": self.first}
        return {
            name: np.ascontiguousarray(t.detach().numpy().astype(np.float16)) for name, t in tensors.items()
        }
