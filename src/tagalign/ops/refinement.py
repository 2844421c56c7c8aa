"""What a refinement of label maps is given, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.labels import Size

LabelMaps = Float[Tensor, "labels height width"]
NameMaps = Float[Tensor, "names height width"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Names:
    """What is known of every *name* (a label and each of its aliases), before aliases are merged.

    Attributes:
        cosines: of every pixel with every name at a size, without scale and bias; windows are averaged.
        text: embeddings of the names, of unit length.
        picture: the photo as numbers at a size, normalised as the encoder wants it.
        label_maps: from cosines of names, refined or not, to probabilities of labels: the best name of each label counts.
    """

    cosines: Callable[[Size], NameMaps]
    text: Float[Tensor, "names dim"]
    picture: Callable[[Size], Float[Tensor, "3 height width"]]
    label_maps: Callable[[NameMaps], LabelMaps]


@dataclass(frozen=True, kw_only=True, eq=False)
class RefinementInput:
    """One photo with the maps of all labels, each part made when it is asked for.

    Attributes:
        size: of the photo.
        work_size: where work per pixel and label is affordable: the photo's shape, at most so large as the method allows.
        maps: scores of the labels at a size, in [0, 1]; where a method has a background of its own, its map comes first.
        photo: the colours at a size.
        names: None where a method has no cosines of names.
    """

    size: Size
    work_size: Size
    maps: Callable[[Size], LabelMaps]
    photo: Callable[[Size], Image.Image]
    names: Names | None = None


@runtime_checkable
class Refinement(Protocol):
    """A refinement: a frozen dataclass whose fields are its options (``option_fields.option``)."""

    def __call__(self, scene: RefinementInput) -> LabelMaps:
        """Refined scores of all labels, in the order of ``scene.maps``, at a size of its choice.

        The caller brings them to the size of the photo (bilinear) and takes the best label of each pixel.
        """
        ...
