"""A Tag2Text that reads larger (or smaller) photos than it was trained on: 224 pixels while pre-training, 384 to fine-tune.

What belongs to places is resized, everything else is shared with the network it comes from.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from transformers import SwinConfig, SwinModel, ViTModel

from tagalign.backbones.preprocess import Preprocessing
from tagalign.errors import InputError
from tagalign.methods.tag2text.image_encoders import ClipTokens, SwinTokens, ViTTokens, resize_bias_table
from tagalign.methods.tag2text.model import Tag2Text

ImageEncoder = SwinTokens | ViTTokens | ClipTokens
BIAS_TABLE = "relative_position_bias_table"
VIT_POSITIONS = "embeddings.position_embeddings"


def at_size(model: Tag2Text, pixels: Preprocessing, side: int | None) -> tuple[Tag2Text, Preprocessing]:
    """The network and the rule of its pixels for photos of another size; both unchanged for None or their own size.

    Only the image encoder is new, and only where its weights belong to places; text parts and tag head are the same modules.

    Args:
        model: any Tag2Text.
        pixels: its rule.
        side: of the square that photos are squeezed to.

    Raises:
        InputError: if the image encoder cannot read squares of this side; says which it can.
    """
    if side is None or side == pixels.image_size:
        return model, pixels
    resized = Tag2Text(
        image_encoder=_resized_encoder(model.image_encoder, side),
        tag_head=model.tag_head,
        tag_encoder=model.tag_encoder,
        text_decoder=model.text_decoder,
        alignment=model.alignment,
    )
    return resized.train(model.training), replace(pixels, image_size=side)


def sizes_at(sizes: Mapping[str, Any], side: int | None) -> dict[str, Any]:
    """Arguments of ``build_tag2text`` for a network that ``at_size`` gave.

    Args:
        sizes: of the network before.
        side: of ``at_size``.
    """
    image = sizes["image_encoder"]
    if side is None or image["kind"] == "clip":  # a CLIP is named, not built
        return dict(sizes)
    config = dict(image["config"])
    if image["kind"] == "swin":
        # what a config leaves out is transformers' default
        config["window_size"] = _window(SwinConfig(**config), side)
    return {**sizes, "image_encoder": {**image, "config": {**config, "image_size": side}}}


def _resized_encoder(encoder: ImageEncoder, side: int) -> ImageEncoder:
    if isinstance(encoder, ClipTokens):
        _refuse_side(side, encoder.backbone.patch_size)  # positions are resized in every pass
        return encoder
    larger = (
        _larger_swin(encoder.model, side)
        if isinstance(encoder, SwinTokens)
        else _larger_vit(encoder.model, side)
    )
    first = next(encoder.parameters())
    larger.to(first.device, first.dtype)
    for parameter, own in zip(larger.parameters(), encoder.parameters(), strict=True):
        parameter.requires_grad_(own.requires_grad)
    return larger


def _larger_swin(model: SwinModel, side: int) -> SwinTokens:
    config: Any = deepcopy(model.config)
    config.window_size, config.image_size = _window(config, side), side
    larger = SwinModel(config)
    larger.load_state_dict(
        {
            name: resize_bias_table(value, window=config.window_size) if name.endswith(BIAS_TABLE) else value
            for name, value in model.state_dict().items()
        }
    )
    return SwinTokens(larger)


def _larger_vit(model: ViTModel, side: int) -> ViTTokens:
    config: Any = deepcopy(model.config)
    _refuse_side(side, config.patch_size)
    config.image_size = side
    larger, tensors = ViTModel(config, add_pooling_layer=False), dict(model.state_dict())
    tensors[VIT_POSITIONS] = resize_positions(tensors[VIT_POSITIONS], side=side // config.patch_size)
    larger.load_state_dict(tensors)
    return ViTTokens(larger)


def _window(config: Any, side: int) -> int:
    """A window keeps its share of the photo: 7 of 224 pixels, 12 of 384.

    Raises:
        InputError: if that is no whole number, or stages do not fit.
    """
    stride = config.patch_size * 2 ** (len(config.depths) - 1)
    _refuse_side(side, stride)
    if side * config.window_size % config.image_size:
        raise InputError(
            f"image_size {side}: a window of {config.window_size} at {config.image_size} pixels would be "
            f"{side * config.window_size / config.image_size:.2f} wide; give a multiple of "
            f"{_least(config.image_size, config.window_size)}"
        )
    return int(side * config.window_size // config.image_size)


def _least(image_size: int, window: int) -> int:
    """The smallest side at which the window is whole."""
    return next(side for side in range(1, image_size + 1) if side * window % image_size == 0)


def _refuse_side(side: int, step: int) -> None:
    if side < step or side % step:
        raise InputError(
            f"image_size: this image encoder reads squares in steps of {step} pixels, got {side}"
        )


def resize_positions(
    table: Float[Tensor, "1 positions width"], *, side: int
) -> Float[Tensor, "1 new_positions width"]:
    """Position embeddings of a ViT for a grid of another size, bicubic; the class token's stays.

    Args:
        table: of the class token, then of a square grid, row by row.
        side: of the new grid in patches.
    """
    first, grid = table[:, :1], table[:, 1:]
    old = round(grid.shape[1] ** 0.5)
    maps = grid.unflatten(1, (old, old)).permute(0, 3, 1, 2)
    larger = F.interpolate(maps.float(), size=(side, side), mode="bicubic", align_corners=False)
    return torch.cat([first, larger.to(table.dtype).permute(0, 2, 3, 1).flatten(1, 2)], dim=1)
