"""Windows of one image that are joined before the last block, and the windows that cannot be."""

import torch

from tagalign.backbones.protocols import Backbone, BlockBackbone, DenseFeatures, Mode, Resize
from tagalign.errors import InputError
from tagalign.methods.dense.canvas import Canvas


def stitched(
    backbone: Backbone, canvas: Canvas, mode: str | Mode, positions: Resize | None, batch_size: int
) -> DenseFeatures:
    """Dense features of a canvas whose windows start and end where patches do.

    Args:
        backbone: walked block by block.
        canvas: with its windows.
        mode: a dense mode with its options; once, over the whole canvas.
        positions: see ``Backbone.encode_dense``.
        batch_size: windows in one pass.
    """
    patch = backbone.patch_size
    windows = torch.stack(
        [canvas.pixels[:, top:bottom, left:right] for left, top, right, bottom in canvas.boxes]
    )
    return block_backbone(backbone).encode_stitched(
        windows.to(backbone.device),
        [(top // patch, left // patch) for left, top, _, _ in canvas.boxes],
        mode=mode,
        positions=positions,
        batch_size=batch_size,
    )


def block_backbone(backbone: Backbone) -> BlockBackbone:
    """The encoder as one that can be stopped before its last block.

    Raises:
        InputError: for a family that has no such blocks.
    """
    if not isinstance(backbone, BlockBackbone):
        raise InputError(
            f"stitch joins windows before the last block, and {backbone.family} has none of ours; leave it out"
        )
    return backbone


def check_stitching(window: int | None, stride: int | None, backbone: Backbone) -> None:
    """Refuse windows whose tokens cannot be laid on one grid.

    Raises:
        InputError: without windows, for sides that cut patches, or for an encoder that has no blocks to stop before.
    """
    patch = block_backbone(backbone).patch_size
    if window is None or stride is None:
        raise InputError("stitch joins windows, and there are none; give window too")
    if window % patch or stride % patch:
        raise InputError(
            f"stitch lays windows on patches of {patch} pixels; window {window} and stride {stride} must be multiples "
            "of that"
        )
