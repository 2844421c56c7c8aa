"""What the options of a dense method leave open: how images are cut, which threshold counts, what pixels come in."""

from dataclasses import replace
from typing import Any

from tagalign.backbones.protocols import Backbone, Mode
from tagalign.errors import InputError
from tagalign.methods.dense.canvas import CanvasRule, default_short_side
from tagalign.methods.dense.mode_options import settled_by
from tagalign.methods.dense.options import DenseOptions, ModeOptions, TagAlignOptions
from tagalign.methods.dense.profiles import DenseProfile
from tagalign.methods.dense.stitching import stitching_rule


def canvas_rule(options: DenseOptions, profile: DenseProfile, backbone: Backbone) -> CanvasRule:
    """How images are cut.

    Raises:
        InputError: for a stride without windows.
    """
    native = backbone.preprocessing.image_size
    side = options.short_side or (native * 3 // 2 if profile.native_windows else default_short_side(native))
    window = options.window or (side if profile.windows else native if profile.native_windows else None)
    if isinstance(options, ModeOptions) and options.stitch:
        return stitching_rule(options, side, window, backbone)
    if options.stride is not None and window is None:
        raise InputError(f"stride {options.stride} belongs to windows; give window too, or profile fixed")
    stride = options.stride or (window // 2 if window else None)
    return CanvasRule(short_side=side, window=window, stride=stride, patch_size=backbone.patch_size)


def settle(options: DenseOptions, profile: DenseProfile, rule: CanvasRule, mode: str | Mode) -> DenseOptions:
    """The options with every value that acts, and None for those that do not."""
    threshold = options.background_threshold
    if options.background_rule and threshold is None:
        threshold = profile.threshold
    own: dict[str, Any] = {
        "profile": profile.name,
        "short_side": rule.short_side,
        "window": rule.window,
        "stride": rule.stride,
        "background_threshold": threshold,
        **settled_by(mode, options),
    }
    if isinstance(options, ModeOptions):
        own["positions"] = options.positions or profile.positions or "own"
    if isinstance(options, TagAlignOptions):
        own["clip_weight"] = profile.clip_weight if options.clip_weight is None else options.clip_weight
    return replace(options, **own)
