"""An image after Tag2Text's image encoder and tag head."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from tagalign.types import Size


@dataclass(frozen=True, kw_only=True, eq=False)
class Tag2TextImage:
    """Everything that captions, answers and rankings need.

    Attributes:
        method: ``tag2text``; other methods refuse it.
        size: of the original image.
        tokens: image tokens, the global one first.
        tag_logits: one per tag of the model's list.
    """

    method: str
    size: Size
    tokens: Float[Tensor, "tokens width"]
    tag_logits: Float[Tensor, " tags"]
