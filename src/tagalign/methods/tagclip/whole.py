"""Images that go through the encoder whole: what TagCLIP and the class token do with them before it."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import resize, to_tensor
from tagalign.backbones.protocols import BlockBackbone
from tagalign.labels import LabelSet, Size
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.image import canvas_size
from tagalign.methods.tagclip.profiles import TagClipProfile
from tagalign.methods.text_cache import prompted_labels
from tagalign.tags.label_sets import template_set
from tagalign.types import EncodedLabels

Encoded = TypeVar("Encoded")


class SeesWhole(Generic[Encoded]):
    """A method that resizes each image to ``canvas_size``. Whoever inherits encodes what was laid.

    Attributes:
        method: that encoded values carry.
        backbone: the frozen encoder.
        options: with ``short_side``, ``max_patches`` and ``use_aliases``.
        profile: whose prompts count.
        resources: with the folder of label embeddings.
    """

    method: str
    backbone: BlockBackbone
    options: Any
    profile: TagClipProfile
    resources: Resources

    def encode_images(self, images: Sequence[Image.Image]) -> list[Encoded]:
        """Encode upright RGB images of any sizes; equal to encoding them one by one."""
        pixels = [self.lay(image) for image in images]
        return self.encode_pixels(pixels, [(image.height, image.width) for image in images])

    def seen_size(self, size: Size) -> Size:
        """See ``SaysSeenSize``."""
        return canvas_size(
            size,
            patch_size=self.backbone.patch_size,
            short_side=self.options.short_side,
            max_patches=self.options.max_patches,
        )

    def lay(self, image: Image.Image) -> Float[Tensor, "3 height width"]:
        """Resize to whole patches and normalise: what a loading thread can do ahead."""
        return to_tensor(
            resize(image, self.seen_size((image.height, image.width))), self.backbone.preprocessing
        )

    def pass_shape(self, size: Size) -> tuple[int, ...]:
        """Whole images of one size share a pass."""
        return self.seen_size(size)

    def encode_pixels(self, pixels: Sequence[Float[Tensor, "3 _ _"]], sizes: Sequence[Size]) -> list[Encoded]:
        """Encode images that are already resized and normalised.

        Args:
            pixels: from ``lay``, or anything normalised whose sides are whole patches.
            sizes: of the original images.
        """
        raise NotImplementedError

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """Labels and background words, with the templates of their set or the profile's own."""
        return prompted_labels(
            self.backbone,
            labels,
            method=self.method,
            templates=template_set(self.profile.templates),
            use_aliases=self.options.use_aliases,
            folder=self.resources.text_cache,
        )
