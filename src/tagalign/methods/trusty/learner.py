"""What the class rows see before the segmentor: their relation to the image, and the trusty learner's self-attention.

The paper's Table 1 (c) tries other queries, keys and values than Eq. 4; any of them is ``QUERY,KEY,VALUE`` here.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.errors import InputError, UnknownNameError

LearnerRows = Float[Tensor, "batch rows dim"]

INPUTS = ("text", "image", "patches", "product", "concat", "relation")
"""Of queries, keys and values: see ``learner_input``."""

WIDE = ("relation", "concat")  # twice as wide as the joint space, so projected first

LEARNER_INPUTS: dict[str, tuple[str, str, str]] = {
    "relation": ("relation", "relation", "relation"),  # Eq. 4, the paper's choice
    "concat": ("concat", "concat", "concat"),
    "product": ("product", "product", "product"),
    "text-product": ("text", "text", "product"),
    "text-patches": ("text", "patches", "patches"),
}
"""Short names of query, key and value of some rows of Table 1 (c): T is ``text``, H ``patches``, T*H ``product`` (with the
class token), [T, H] ``concat`` (with the class token), T^ ``relation``."""

CONCAT_AFTER = "concat-after"
"""Fig. 4: attention over ``product``, its output joined with the text, then the projection; the others join before."""

NO_LEARNER = "none"
"""The one-stage baseline of Table 1 (a) and (b): the relation alone."""

LEARNERS = (NO_LEARNER, *LEARNER_INPUTS, CONCAT_AFTER)
"""Names that a learner may have; ``QUERY,KEY,VALUE`` of ``INPUTS`` is one too."""


@dataclass(frozen=True)
class LearnerShape:
    """What a learner's name says.

    Attributes:
        inputs: query, key and value; None for no learner.
        joins_after: the attention's output is joined with the text and projected.
    """

    inputs: tuple[str, str, str] | None
    joins_after: bool = False

    @property
    def has_projection(self) -> bool:
        """Whether something twice as wide as the joint space is projected to it."""
        return self.inputs is None or self.joins_after or any(kind in WIDE for kind in self.inputs)


def learner_shape(name: str) -> LearnerShape:
    """Read the name of a learner.

    Args:
        name: one of ``LEARNERS``, or three of ``INPUTS`` with commas. The row (T*H, H, H) of Table 1 (c) is
            ``product,patches,patches``. Where the table pairs keys with values of another length, as (T, T, H), H can only
            be the class token of Eq. 4, which is ``image``: ``text,text,image``.

    Raises:
        UnknownNameError: for another name.
        InputError: if the learner cannot be computed: keys and values of different lengths, or no row per class.
    """
    if name == NO_LEARNER:
        return LearnerShape(None)
    if name == CONCAT_AFTER:
        return LearnerShape(("product", "product", "product"), joins_after=True)
    if name in LEARNER_INPUTS:
        return LearnerShape(LEARNER_INPUTS[name])
    parts = [part.strip() for part in name.split(",")]
    if len(parts) != 3:
        raise UnknownNameError("trusty learner", name, (*LEARNERS, "QUERY,KEY,VALUE"))
    for part in parts:
        if part not in INPUTS:
            raise UnknownNameError("learner input", part, INPUTS)
    query, key, value = parts
    if query == "patches":
        raise InputError(
            f"learner {name!r}: queries must have one row per class, patches have one per patch; 'image' is the class token"
        )
    if (key == "patches") != (value == "patches"):
        raise InputError(
            f"learner {name!r}: keys and values must be equally many, patches are not as many as classes; "
            "take 'image' (the class token) for 'patches', or patches for both"
        )
    return LearnerShape((query, key, value))


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
        self, query: LearnerRows, key: Float[Tensor, "batch keys dim"], value: Float[Tensor, "batch keys dim"]
    ) -> LearnerRows:
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
        kind: ``text``, ``image`` (the class token, once per row), ``patches``, ``product`` (``cls * text``), ``concat``
            (``[text, cls]``) or ``relation`` (``[cls * text, text]``, Eq. 4: element by element, one class token for all
            rows).
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
        case "image":
            return image
        case "patches":
            return patches
        case "product":
            return image * rows
        case "concat":
            return torch.cat([rows, image], dim=-1)
        case "relation":
            return torch.cat([image * rows, rows], dim=-1)
    raise UnknownNameError("learner input", kind, INPUTS)
