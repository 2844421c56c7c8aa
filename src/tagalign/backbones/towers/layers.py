"""The layers of a frozen tower. None draws random values: a file fills every parameter, and a ViT-B has 150 million."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.ops.activations import QUICK_GELU, quick_gelu_

Rows = Float[Tensor, "*batch width"]


class Linear(nn.Linear):
    """``nn.Linear`` that leaves its parameters unset and may multiply in another type than theirs."""

    lower: tuple[Tensor, Tensor | None] | None = None

    def reset_parameters(self) -> None:
        """Nothing: a file fills them."""

    def multiply_in(self, dtype: torch.dtype) -> None:
        """Multiply in ``dtype`` from now on. The parameters stay, for those who read them; a copy is kept beside them."""
        self.lower = (self.weight.to(dtype), None if self.bias is None else self.bias.to(dtype))

    def forward(self, x: Rows) -> Float[Tensor, "*batch out"]:
        """``x W' + b``, in the type of the parameters."""
        return super().forward(x) if self.lower is None else self.product(x).to(self.weight.dtype)

    def product(self, x: Rows) -> Float[Tensor, "*batch out"]:
        """``x W' + b``, in the type that is multiplied in."""
        weight, bias = self.lower or (self.weight, self.bias)
        return F.linear(x.to(weight.dtype), weight, bias)


class LayerNorm(nn.LayerNorm):
    """``nn.LayerNorm`` that leaves its parameters unset."""

    def reset_parameters(self) -> None:
        """Nothing: a file fills them."""


class Conv2d(nn.Conv2d):
    """``nn.Conv2d`` that leaves its parameters unset."""

    def reset_parameters(self) -> None:
        """Nothing: a file fills them."""


class LayerScale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.empty(width))

    def forward(self, x: Rows) -> Rows:
        """``factor * x``."""
        return x * self.factor


def _quick_gelu(x: Tensor) -> Tensor:
    """``x sigmoid(1.702 x)``, in place where nothing needs a gradient."""
    return x * torch.sigmoid(QUICK_GELU * x) if x.requires_grad else quick_gelu_(x)


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "quick_gelu": _quick_gelu,
    "gelu": F.gelu,
    "gelu_pytorch_tanh": _gelu_tanh,
    "relu": F.relu,
    "silu": F.silu,
}
"""By the names that published configs use."""


class Mlp(nn.Module):
    """Two linear layers with an activation between them.

    Attributes:
        activation: name in ``ACTIVATIONS``.
    """

    def __init__(self, width: int, hidden: int, activation: str) -> None:
        super().__init__()
        self.activation = activation
        self.fc1, self.fc2 = Linear(width, hidden), Linear(hidden, width)

    def forward(self, x: Rows) -> Rows:
        """``fc2(act(fc1(x)))``."""
        # between the layers in the lower type: what the second is about to round, and most of the memory that moves
        return self.fc2(ACTIVATIONS[self.activation](self.fc1.product(x)))


class SwiGlu(nn.Module):
    """``down(silu(gate(x)) * up(x))``, Shazeer, arXiv:2002.05202."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up, self.down = Linear(width, hidden), Linear(width, hidden), Linear(hidden, width)

    def forward(self, x: Rows) -> Rows:
        """Same shape as the input."""
        return self.down(F.silu(self.gate.product(x)) * self.up.product(x))
