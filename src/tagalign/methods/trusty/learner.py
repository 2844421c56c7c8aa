"""What the class rows see before the segmentor: their relation to the image, and the trusty learner's self-attention.

The paper's Table 1 tries other inputs than Eq. 4; the ones whose shapes fit are in ``LEARNER_INPUTS``.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.errors import UnknownNameError

Rows = Float[Tensor, "batch rows dim"]

LEARNER_INPUTS: dict[str, tuple[str, str, str]] = {
    "relation": ("relation", "relation", "relation"),  # Eq. 4, the paper's choice
    "concat": ("concat", "concat", "concat"),
    "product": ("product", "product", "product"),
    "text-product": ("text", "text", "product"),
    "text-patches": ("text", "patches", "patches"),
}
"""Query, key and value of the trusty learner, as in Table 1 (c): T is ``text``, H ``patches``, T*H ``product`` (with the
class token), [T, H] ``concat`` (with the class token), T^ ``relation``. Rows of the table that pair keys and values of
different lengths cannot be computed and have no entry."""

WIDE = ("relation", "concat")  # twice as wide as the joint space, so projected first


class TrustyLearner(nn.Module):
    """Self-attention over the class rows and the trusty token: ``norm(x + attention(x))``.

    It couples the rows, so a score depends on the whole list of names.

    Args:
        dim: of the joint space.
        num_heads: attention heads.
        dropout: on attention weights and on the output.

    Reference:
        Li et al., TagCLIP: Improving Discrimination Ability of Open-Vocabulary Semantic Segmentation, Eq. 5. The release
        has projections and several heads there; so have we.
    """

    def __init__(self, dim: int, *, num_heads: int = 8, dropout: float = 0.1) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(dim, num_heads, dropout=dropout, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, query: Rows, key: Float[Tensor, "batch keys dim"], value: Float[Tensor, "batch keys dim"]
    ) -> Rows:
        """One learned row per class row."""
        mixed, _ = self.attn(query, key, value, need_weights=False)
        return self.norm(query + self.dropout(mixed))


def learner_input(
    kind: str,
    text: Float[Tensor, "rows dim"],
    cls: Float[Tensor, "batch dim"],
    patches: Float[Tensor, "batch patches dim"],
) -> Float[Tensor, "batch keys features"]:
    """One of the inputs of Table 1.

    Args:
        kind: ``text``, ``patches``, ``product`` (``cls * text``), ``concat`` (``[text, cls]``) or ``relation``
            (``[cls * text, text]``, Eq. 4: element by element, one class token for all rows).
        text: one row per class, then the trusty token.
        cls: class-token embeddings.
        patches: patch embeddings.

    Raises:
        UnknownNameError: for another kind.
    """
    rows = text.expand(len(cls), -1, -1)
    image = cls[:, None].expand_as(rows)
    match kind:
        case "text":
            return rows
        case "patches":
            return patches
        case "product":
            return image * rows
        case "concat":
            return torch.cat([rows, image], dim=-1)
        case "relation":
            return torch.cat([image * rows, rows], dim=-1)
    raise UnknownNameError("learner input", kind, ("text", "patches", "product", "concat", "relation"))
