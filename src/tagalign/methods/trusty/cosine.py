"""A head that starts as CLIP: its own cosines, and a gate that lets in what is learned."""

from math import log

import torch
from jaxtyping import Float
from torch import Tensor, nn

FIRST_SCALE = 100.0
"""Of an encoder that does not say its own; CLIP's."""

FIRST_OFFSET = 0.2
"""A cosine between an image's part and a name that says neither yes nor no; CLIPs give 0.15 to 0.3."""


class CosineStart(nn.Module):
    """``scale (cos - offset) + gate * logits`` for the class rows; the trusty row stays as it is.

    With the gate at 0, as it starts, the best class of every patch is that of the frozen encoder.
    Scale, offset and gate are trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(log(FIRST_SCALE)))
        self.offset = nn.Parameter(torch.tensor(FIRST_OFFSET))
        self.gate = nn.Parameter(torch.zeros(()))

    def start_at(self, scale: float) -> None:
        """Begin with the encoder's own inverse temperature."""
        with torch.no_grad():
            self.log_scale.fill_(log(scale))

    def forward(
        self,
        logits: Float[Tensor, "batch rows patches"],
        text: Float[Tensor, "classes dim"],
        patches: Float[Tensor, "batch patches dim"],
    ) -> Float[Tensor, "batch rows patches"]:
        """Logits of the classes, then of the trusty row where there is one.

        Args:
            logits: of the mask layers.
            text: unit-length names.
            patches: unit-length patches.
        """
        cosines = text @ patches.transpose(1, 2)
        classes = self.log_scale.exp() * (cosines - self.offset) + self.gate * logits[:, : len(text)]
        return torch.cat([classes, logits[:, len(text) :]], dim=1)
