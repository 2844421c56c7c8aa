"""TagAlign's trainable part: gated convolutions on frozen patch features, and a trainable copy of CLIP's head."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.backbones.protocols import BlockBackbone

NUM_BLOCKS = 4  # two gated residual blocks of two convolutions each (paper 4.2, after GroupViT's decoder in OVSegmentor)
NORM_EPS = 1e-5  # CLIP's and the release's


class GatedConv(nn.Module):
    """``x + tanh(gate) * Conv3x3(GELU(LayerNorm(x)))``, the norm over channels at each pixel; identity at gate 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.conv = nn.Conv2d(width, width, kernel_size=3, padding=1)
        # at 0 the whole head is CLIP's own: training starts from the frozen encoder, not from noise
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Float[Tensor, "batch width rows cols"]) -> Float[Tensor, "batch width rows cols"]:
        """Same shape as the input."""
        # the permuted view is contiguous in channels-last order, which is what the convolution likes best
        normed = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x + self.gate.tanh() * self.conv(F.gelu(normed))


class Projector(nn.Module):
    """Four gated convolutions, then layer norm and a linear map into the joint space.

    Built ``from_backbone`` it starts as the encoder's own last layer norm and head (of SigLIP's: its linear fit).
    The state dict has the names ``blocks.i.{norm,conv,gate}``, ``ln_post`` and ``proj`` (width x dim, used as ``x @ proj``).
    """

    def __init__(self, *, width: int, dim: int, num_blocks: int = NUM_BLOCKS) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(GatedConv(width) for _ in range(num_blocks)))
        self.ln_post = nn.LayerNorm(width, eps=NORM_EPS)
        self.proj = nn.Parameter(torch.randn(width, dim) * width**-0.5)

    @classmethod
    def from_backbone(cls, backbone: BlockBackbone, *, num_blocks: int = NUM_BLOCKS) -> "Projector":
        """A projector whose head is a trainable copy of the backbone's."""
        projector = cls(width=backbone.width, dim=backbone.embed_dim, num_blocks=num_blocks)
        head = backbone.linear_head()
        with torch.no_grad():
            projector.ln_post.weight.copy_(head.norm_weight)
            projector.ln_post.bias.copy_(head.norm_bias)
            projector.proj.copy_(head.projection.T)
        return projector.to(backbone.device)

    def forward(
        self, features: Float[Tensor, "batch width rows cols"]
    ) -> Float[Tensor, "batch dim rows cols"]:
        """Patch embeddings in the joint space; any norm."""
        x = self.blocks(features.contiguous(memory_format=torch.channels_last))
        return (self.ln_post(x.permute(0, 2, 3, 1)) @ self.proj).permute(0, 3, 1, 2)


def pool(embeds: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch dim"]:
    """Image embedding z: the mean over patches of the un-normalised embeddings (paper 3.2)."""
    return embeds.mean(dim=(2, 3))
