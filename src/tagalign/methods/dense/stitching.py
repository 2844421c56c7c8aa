"""Windows of one image that are joined before the last block: which they are, and the pass over them."""

import torch

from tagalign.backbones.protocols import Backbone, BlockBackbone, DenseFeatures, Mode, Resize
from tagalign.errors import InputError
from tagalign.methods.dense.canvas import Canvas, CanvasRule
from tagalign.methods.dense.options import ModeOptions


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


def stitching_rule(options: ModeOptions, side: int, window: int | None, backbone: Backbone) -> CanvasRule:
    """How images are cut into windows whose tokens can be laid on one grid.

    Without a window those of the encoder's native size are taken, without a stride half of one, both in whole patches. One
    such window on a canvas of its own size would join nothing, so that the canvas of a small encoder grows to 1.5 times it,
    as in SCLIP's protocol.

    Args:
        options: what was asked for.
        side: short side of the canvas by profile and encoder.
        window: side of the windows that was asked for or that the profile has.
        backbone: the frozen encoder.

    Raises:
        InputError: for sides that cut patches, or for an encoder that has no blocks to stop before.
    """
    patch, native = block_backbone(backbone).patch_size, backbone.preprocessing.image_size
    if window is None:
        window = max(1, native // patch) * patch
        side = options.short_side or max(side, native * 3 // 2)
    stride = options.stride or max(1, window // patch // 2) * patch
    if window % patch or stride % patch:
        raise InputError(
            f"stitch lays windows on patches of {patch} pixels; window {window} and stride {stride} must be multiples "
            "of that"
        )
    return CanvasRule(short_side=side, window=window, stride=stride, patch_size=patch, on_patches=True)
