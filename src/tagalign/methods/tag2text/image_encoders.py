"""Images to tokens: one global token, then one per region. Swin and ViT are trained; a CLIP tower stays frozen."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import RectBivariateSpline
from torch import Tensor, nn
from transformers import SwinModel, ViTModel

from tagalign.backbones.protocols import BlockBackbone
from tagalign.errors import ModelError

Pixels = Float[Tensor, "batch 3 height pixel_width"]
Tokens = Float[Tensor, "batch tokens width"]


class SwinTokens(nn.Module):
    """Swin Transformer: mean of the final tokens, then the tokens.

    Attributes:
        width: of a token.
        external: the weights lie elsewhere and are not saved with the model.
    """

    external = False

    def __init__(self, model: SwinModel) -> None:
        super().__init__()
        self.model = model
        self.width: int = model.num_features

    def forward(self, pixels: Pixels) -> Tokens:
        """All tokens of a batch, the mean first."""
        output = self.model(pixels)
        return torch.cat([output.pooler_output[:, None], output.last_hidden_state], dim=1)


class ViTTokens(nn.Module):
    """Vision Transformer: class token, then patches, after the last layer norm; attributes as ``SwinTokens``."""

    external = False

    def __init__(self, model: ViTModel) -> None:
        super().__init__()
        self.model = model
        self.width: int = model.config.hidden_size

    def forward(self, pixels: Pixels) -> Tokens:
        """All tokens of a batch, the class token first."""
        return self.model(pixels).last_hidden_state


class ClipTokens(nn.Module):
    """The frozen vision tower of a CLIP: class token and patches of one block, after the last layer norm.

    Attributes:
        width: of a token.
        external: True; the model folder names the CLIP and its weight hash instead.
        backbone: the CLIP.
    """

    external = True

    def __init__(self, backbone: BlockBackbone) -> None:
        super().__init__()
        if backbone.num_prefix != 1:
            raise ModelError(
                f"{backbone.name}: Tag2Text reads one class token and the patches, {backbone.family} has "
                f"{backbone.num_prefix} rows before its patches; take a CLIP (model_type 'clip' or 'metaclip_2')"
            )
        self.backbone = backbone
        self.width = backbone.width

    @torch.no_grad()
    def forward(self, pixels: Pixels) -> Tokens:
        """All tokens of a batch, the class token first."""
        x, _ = self.backbone.embed_patches(pixels)
        for block in self.backbone.blocks:
            x = block(x)
        return self.backbone.post_norm(x)


def resize_bias_table(
    table: Float[Tensor, "positions heads"], *, window: int
) -> Float[Tensor, "new_positions heads"]:
    """Relative position biases of a Swin window for a window of another size (7 at 224 pixels, 12 at 384).

    The old offsets are laid out at distances that grow geometrically, so that they reach from the centre to the new
    edge while near offsets keep their spacing of 1; a cubic spline through them is read at the whole new offsets.

    Args:
        table: ``(2 w - 1)^2`` rows, row-major over (vertical, horizontal) offsets.
        window: new window size in tokens.

    Returns:
        ``(2 window - 1)^2`` rows; the same table when the size does not change.

    Reference:
        Bao et al., BEiT, arXiv:2106.08254, release; there with ``scipy.interpolate.interp2d``, which is gone.
    """
    side, new_side = round(len(table) ** 0.5), 2 * window - 1
    if side == new_side:
        return table
    near = _geometric_offsets(side // 2, reach=new_side // 2)
    old = np.array([-x for x in reversed(near)] + [0.0, *near])
    new = np.arange(-(new_side // 2), new_side // 2 + 1, dtype=float)
    maps = table.detach().double().T.reshape(-1, side, side).numpy()
    resized = np.stack([RectBivariateSpline(old, old, one)(new, new) for one in maps])
    return torch.from_numpy(resized).flatten(1).T.to(table.dtype).contiguous()


def _geometric_offsets(count: int, *, reach: int) -> list[float]:
    """``1, 1 + q, 1 + q + q^2, ...`` with the ratio q whose last sum is ``reach``, found by bisection."""
    low, high = 1.01, 1.5
    while high - low > 1e-6:  # BEiT's bounds and precision: its q, not a better one
        q = (low + high) / 2
        total = (1 - q**count) / (1 - q)
        low, high = (low, q) if total > reach else (q, high)
    sums = np.cumsum([q**i for i in range(count)])
    return [float(x) for x in sums]
