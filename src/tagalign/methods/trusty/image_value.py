"""What TrustyCLIP keeps of an image: the windows of the prompted encoder."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from tagalign.brief import Brief
from tagalign.labels import Size
from tagalign.ops.windows import Box


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrustyView(Brief):
    """One window: its embeddings and its box, XYXY, on the canvas, ends exclusive."""

    patches: Float[Tensor, "dim rows cols"]
    cls: Float[Tensor, " dim"]
    box: Box


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrustyImage(Brief):
    """An image after the prompted encoder; any number of questions can be asked of it.

    Attributes:
        method: that encoded it.
        size: of the original image.
        canvas: size the image was resized to.
        views: windows that cover the canvas.
    """

    method: str
    size: Size
    canvas: Size
    views: tuple[TrustyView, ...]
