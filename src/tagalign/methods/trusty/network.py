"""The trainable part as a whole: prompts and head around a frozen CLIP, with its sizes in one frozen value."""

from dataclasses import asdict, dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.backbones.protocols import BlockBackbone
from tagalign.methods.trusty.head import TrustyHead
from tagalign.methods.trusty.profiles import TrustyProfile, trusty_profile
from tagalign.methods.trusty.prompts import DeepPrompts, PromptedFeatures


@dataclass(frozen=True, kw_only=True)
class TrustySizes:
    """Everything that decides the shapes of the trained tensors, and how they are used.

    Attributes:
        width: of the vision tower.
        dim: of the joint space.
        patch_size: pixels.
        depth: blocks with prompts.
        num_prompts: per block.
        num_heads: of the head's attentions.
        num_layers: mask layers of the head.
        hidden: width of the head's feed-forward networks.
        has_token: with a trusty token.
        learner: input of the trusty learner, or ``none``.
        class_embedding_times: 1, or 2 as in the release.
        starts_at_cosine: see ``TrustyHead``; a folder that does not say so was trained without.
    """

    width: int
    dim: int
    patch_size: int
    depth: int
    num_prompts: int = 10
    num_heads: int = 8
    num_layers: int = 3
    hidden: int
    has_token: bool = True
    learner: str = "relation"
    class_embedding_times: int = 1
    starts_at_cosine: bool = False

    def as_dict(self) -> dict[str, int | bool | str]:
        """Plain values, for ``config.json``."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskLogits:
    """What the network says about a batch.

    Attributes:
        classes: one map per class; sigmoid gives its mask.
        trusty: sigmoid gives the probability that a pixel is no seen class; None without a trusty token.
    """

    classes: Float[Tensor, "batch classes height width"]
    trusty: Float[Tensor, "batch 1 height width"] | None

    def resized(self, size: tuple[int, int]) -> "MaskLogits":
        """Bilinear, ``align_corners=False``."""
        trusty = None if self.trusty is None else _resize(self.trusty, size)
        return MaskLogits(classes=_resize(self.classes, size), trusty=trusty)


def _resize(
    maps: Float[Tensor, "batch maps rows cols"], size: tuple[int, int]
) -> Float[Tensor, "batch maps height width"]:
    if maps.shape[2:] == size:
        return maps
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


class TrustyNetwork(nn.Module):
    """Prompts and head. The frozen encoder is an argument, so the state dict holds what was trained and nothing else.

    Args:
        sizes: of the tensors.
        dropout: rate while training (0.1 in the release), in prompts and head alike.
    """

    def __init__(self, sizes: TrustySizes, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        self.prompt = DeepPrompts(
            sizes.width,
            patch_size=sizes.patch_size,
            depth=sizes.depth,
            num_prompts=sizes.num_prompts,
            dropout=dropout,
        )
        self.head = TrustyHead(
            sizes.dim,
            num_heads=sizes.num_heads,
            num_layers=sizes.num_layers,
            hidden=sizes.hidden,
            dropout=dropout,
            has_token=sizes.has_token,
            learner=sizes.learner,
            starts_at_cosine=sizes.starts_at_cosine,
        )

    def encode(
        self, clip: BlockBackbone, pixels: Float[Tensor, "batch 3 height pixel_width"]
    ) -> PromptedFeatures:
        """Images to embeddings, once for any number of names."""
        return self.prompt(clip, pixels, class_embedding_times=self.sizes.class_embedding_times)

    def masks(
        self, features: PromptedFeatures, text: Float[Tensor, "classes dim"], *, drop_token: bool = False
    ) -> MaskLogits:
        """Mask logits on the patch grid.

        Args:
            features: of ``encode``.
            text: unit-length class names.
            drop_token: answer without the trusty token.
        """
        logits = self.head(features.patches, features.cls, text, drop_token=drop_token)
        return MaskLogits(
            classes=logits[:, : len(text)],
            trusty=logits[:, len(text) :] if logits.shape[1] > len(text) else None,
        )

    def forward(
        self,
        clip: BlockBackbone,
        pixels: Float[Tensor, "batch 3 height pixel_width"],
        text: Float[Tensor, "classes dim"],
    ) -> MaskLogits:
        """``encode`` and ``masks``."""
        return self.masks(self.encode(clip, pixels), text)


def sizes_for(
    clip: BlockBackbone,
    *,
    num_prompts: int = 10,
    depth: int | None = None,
    num_heads: int = 8,
    hidden: int | None = None,
    has_token: bool = True,
    learner: str = "relation",
    profile: TrustyProfile | None = None,
) -> TrustySizes:
    """Sizes that fit a backbone; by default the paper's head, prompts in all blocks, ``hidden`` four times the space."""
    own = profile or trusty_profile("paper")
    return TrustySizes(
        width=clip.width,
        dim=clip.embed_dim,
        patch_size=clip.patch_size,
        depth=clip.num_layers if depth is None else depth,
        num_prompts=num_prompts,
        num_heads=num_heads,
        hidden=hidden or 4 * clip.embed_dim,
        has_token=has_token,
        learner=learner,
        class_embedding_times=own.class_embedding_times,
        starts_at_cosine=own.starts_at_cosine,
    )
