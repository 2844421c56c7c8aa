"""The GroupViT vision tower that is trained, and the pixels that it sees in the place of features.

Small enough for the tiny world; a full-size one is a matter of its config.
"""

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
        self.sizes = {
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
        self.vision = GroupViTModel(GroupViTConfig(vision_config=self.sizes)).vision_model
        self.head = nn.Linear(width, dim, bias=False)

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim 1 1"]:
        """Image embeddings; any norm."""
        return self.head(self.vision(pixels).pooler_output)[:, :, None, None]


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
