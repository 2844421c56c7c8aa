"""The dense method of proxy attention; see ``proxy.dense`` for what happens to a view."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tagalign.backbones.companion import Companion
from tagalign.backbones.protocols import BlockBackbone
from tagalign.methods.dense.canvas import NATIVE_448
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.looks.step import open_step
from tagalign.methods.proxy.dense import PROFILES, companion_pixels, proxy_rows
from tagalign.methods.proxy.feature_files import kept_features
from tagalign.methods.proxy.options import ProxyOptions
from tagalign.methods.resources import Resources

SIDE, STRIDE = 336, 112
"""Of the windows in the release; 336 = 3 x 112 fits patches of 14 and of 16."""


class ProxyMethod(DenseMethod):
    """A dense method whose last attention is that of a companion.

    Attributes:
        encoder: the frozen encoder, block by block.
        companion: the second one.
    """

    def __init__(
        self,
        backbone: BlockBackbone,
        options: ProxyOptions | None = None,
        *,
        companion: Companion,
        resources: Resources | None = None,
    ) -> None:
        given = options or ProxyOptions()
        self.proxy = _sized(given, backbone)
        self.encoder, self.companion = backbone, companion  # a description names it from the start
        super().__init__(
            backbone, replace(self.proxy, look=None), method="proxy", mode="clip", resources=resources
        )
        self.given, self.mode = given, "proxy"
        self.switches = PROFILES[self.proxy.mode_profile]
        # not before all is there that a look holds for
        self.options = replace(self.options, look=self.proxy.look)
        self.step = open_step(self.proxy.look, self.look_facts())

    def describe(self) -> dict[str, object]:
        """See ``DenseMethod``; the companion with its weights."""
        return super().describe() | {"companion": self.companion.facts()}

    def with_options(self, options: Any) -> "ProxyMethod":
        """The same method under other options; encoder and companion are shared."""
        return ProxyMethod(self.encoder, options, companion=self.companion, resources=self.resources)

    def _embed(self, pixels: Tensor) -> tuple[tuple[int, int], list[Tensor]]:
        # a mean over the batch would let an answer depend on what it was encoded with: one view at a time there
        parts = pixels.split(1) if self.switches.whole_batch else (pixels,)
        found = [self.embed_views(part) for part in parts]
        return found[0][0], [torch.cat([embeds for _, embeds in found])]

    def embed_views(self, pixels: Tensor) -> tuple[tuple[int, int], Tensor]:
        """Patch embeddings of views of one size on the companion's grid, any norm.

        Of profile `released` the views share one mean similarity.
        """
        grid = self.encoder.grid_of(pixels.shape[2], pixels.shape[3])
        seen = companion_pixels(pixels, self.preprocessing, grid, self.encoder.patch_size, self.companion)
        features = kept_features(self.companion, seen, self.resources.companion_cache).to(pixels.device)
        rows = proxy_rows(
            self.encoder,
            pixels,
            features,
            switches=self.switches,
            beta=self.proxy.beta,
            gamma=self.proxy.gamma,
        )
        return (features.shape[2], features.shape[3]), self.encoder.project(rows)


def _sized(options: ProxyOptions, backbone: BlockBackbone) -> ProxyOptions:
    """The release's sizes for encoders of 224 pixels and above, where nothing else was asked for."""
    if backbone.preprocessing.image_size < NATIVE_448 or options.profile == "paper":
        return options
    side = options.short_side or SIDE
    window = options.window or side
    stride = options.stride or min(STRIDE, window)
    return replace(options, short_side=side, window=window, stride=stride)
