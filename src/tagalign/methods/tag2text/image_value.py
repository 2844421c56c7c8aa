"""An image after Tag2Text's image encoder and tag head."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import to_tensor
from tagalign.backbones.preprocess import Preprocessing
from tagalign.labels import Size


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

    @property
    def embed(self) -> Float[Tensor, " width"]:
        """Of the whole image: the global token."""
        return self.tokens[0]


def square_pixels(image: Image.Image, preprocessing: Preprocessing) -> Float[Tensor, "3 side side"]:
    """Normalised pixels of the whole image squeezed to a square (bilinear, the ratio is lost), as in the release."""
    side = preprocessing.image_size
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    return to_tensor(image, preprocessing)


def stacked_once(
    images: Sequence[Tag2TextImage],
) -> tuple[Float[Tensor, "distinct image_tokens width"], Int[Tensor, " images"]]:
    """Tokens of each image once, and the row of every image in them: one that meets many texts is projected once."""
    distinct = {id(image): image for image in images}
    places = {one: place for place, one in enumerate(distinct)}
    tokens = torch.stack([image.tokens for image in distinct.values()])
    return tokens, torch.tensor([places[id(image)] for image in images], device=tokens.device)
