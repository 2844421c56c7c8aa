"""The GroupViT vision tower that is trained, and the pixels that it sees in the place of features.

Small enough for the tiny world; a full-size one is a matter of its config.
"""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, UInt8
from torch import Tensor, nn
from transformers import GroupViTConfig, GroupViTModel

from tagalign.data.feature_pairs import FeaturePairs, MemoryStore
from tagalign.data.frozen_encoder import FrozenEncoder


class GroupTower(nn.Module):
    """A GroupViT vision transformer and a linear head; its output is one embedding per image, as a 1 x 1 map.

    Args:
        image_size: side in pixels.
        patch_size: in pixels.
        dim: of the joint space.
        width: of the tower.
        depths: layers of each stage.
        groups: group tokens of each stage but the last.
        heads: of the attention.

    Attributes:
        sizes: of the vision transformer, as its config names them.
    """

    def __init__(
        self,
        *,
        image_size: int,
        patch_size: int,
        dim: int,
        width: int = 128,
        depths: tuple[int, ...] = (3, 2, 1),
        groups: tuple[int, ...] = (24, 8),
        heads: int = 4,
    ) -> None:
        super().__init__()
        stages = [*groups, 0]
        self.sizes: dict[str, Any] = {
            "hidden_size": width,
            "intermediate_size": 4 * width,
            "depths": list(depths),
            "num_hidden_layers": sum(depths),
            "num_group_tokens": stages,
            "num_output_groups": stages,
            "num_attention_heads": heads,
            "image_size": image_size,
            "patch_size": patch_size,
        }
        # nn.Module gives its parts as modules of no known kind
        self.vision: Any = GroupViTModel(GroupViTConfig(vision_config=self.sizes)).vision_model
        self.head = nn.Linear(width, dim, bias=False)

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim 1 1"]:
        """Image embeddings; any norm."""
        return self.head(self.vision(pixels).pooler_output)[:, :, None, None]

    def bind(self, pixels: Float[Tensor, "batch 3 height width"]) -> "Binding":
        """The same image embeddings, with what the first grouping binds patches by.

        The noise of the groups is drawn once, as in ``forward``.
        """
        grouping, seen = self._grouping(), dict[str, Tensor]()

        def assigned(module: nn.Module, given: tuple[Tensor, Tensor]) -> None:
            seen["queries"], seen["keys"] = given

        def grouped(module: nn.Module, given: Any, made: tuple[Tensor, Tensor]) -> None:
            seen["groups"] = made[0]

        # transformers returns assignments alone; the queries and keys behind them pass by here
        hooks = [grouping.assign.register_forward_pre_hook(assigned), grouping.register_forward_hook(grouped)]
        try:
            images = self(pixels)[:, :, 0, 0]
        finally:
            for hook in hooks:
                hook.remove()
        groups = seen.pop("groups")
        has_one = len(self.sizes["num_group_tokens"]) == 2
        embeds = self.head(self.vision.layernorm(groups)) if has_one else None
        return Binding(images=images, groups=embeds, **seen)

    def group_logits(
        self, queries: Float[Tensor, "batch groups width"], keys: Float[Tensor, "batch patches width"]
    ) -> Float[Tensor, "batch groups patches"]:
        """Logits of the first grouping, of any image's groups on any image's patches."""
        assign = self._grouping().assign
        return assign.q_proj(queries) @ assign.k_proj(keys).transpose(1, 2) * assign.scale

    def _grouping(self) -> Any:
        return self.vision.encoder.stages[0].downsample


@dataclass(frozen=True, kw_only=True, eq=False)
class Binding:
    """What a tower makes of images on the way to their embeddings.

    Attributes:
        images: embeddings; any norm.
        queries: of the groups of the first grouping, before its projection.
        keys: of the patches, likewise.
        groups: embeddings of these groups; None where a later stage groups them again.
    """

    images: Float[Tensor, "batch dim"]
    queries: Float[Tensor, "batch groups width"]
    keys: Float[Tensor, "batch patches width"]
    groups: Float[Tensor, "batch groups dim"] | None


class PixelFeatures(FrozenEncoder):
    """Batches of pixels for the loop, normalised, in the place of features; captions are encoded as ever."""

    def _encode(
        self, pixels: UInt8[Tensor, "batch 3 h w"]
    ) -> tuple[Float[Tensor, "batch pixels 3"], tuple[int, int]]:
        normal = (pixels.float() - self._mean) / self._std
        return normal.flatten(2).transpose(1, 2), (pixels.shape[2], pixels.shape[3])


def pixel_pairs(pixels: Float[Tensor, "images 3 height width"], pairs: FeaturePairs) -> FeaturePairs:
    """The captions and tags of pairs with normalised pixels in the place of features."""
    height, width = pixels.shape[2:]
    store = MemoryStore(features=pixels.flatten(2).transpose(1, 2).half(), grid=(height, width))
    return FeaturePairs(
        store=store, images=pairs.images, texts=pairs.texts, labels=pairs.labels, keys=pairs.keys
    )
