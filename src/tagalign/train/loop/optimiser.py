"""AdamW as the papers use it: which parameters decay. Knows no method."""

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import AdamW


def decay_groups(
    module: nn.Module, *, weight_decay: float, decay_scalars: bool = False
) -> list[dict[str, Any]]:
    """Two parameter groups, with and without weight decay; frozen parameters are in neither.

    Matrices and kernels decay, biases and other 1-D parameters do not; 0-D ones (gates, temperatures) on
    request.
    """
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    # biases by name too: one of several dimensions is still a bias
    decays = [
        (p.ndim >= 2 and not name.endswith("bias")) or (p.ndim == 0 and decay_scalars) for name, p in trained
    ]
    groups = [
        {"params": _pick(trained, decays), "weight_decay": weight_decay},
        {"params": _pick(trained, [not d for d in decays]), "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def slower_groups(
    groups: Iterable[dict[str, Any]], part: Iterable[nn.Parameter], *, rate_factor: float
) -> list[dict[str, Any]]:
    """The same parameter groups, with the parameters of one part of the network in groups that learn slower.

    Args:
        groups: as an optimiser takes them.
        part: what learns slower; those that are in no group stay out.
        rate_factor: of the learning rate, see ``schedule.set_rate``.
    """
    chosen = {id(p) for p in part}
    found = []
    for group in groups:
        slow = [p for p in group["params"] if id(p) in chosen]
        found.append({**group, "params": [p for p in group["params"] if id(p) not in chosen]})
        found.append({**group, "params": slow, "rate_factor": rate_factor})
    return [group for group in found if group["params"]]


def _pick(named: Iterable[tuple[str, nn.Parameter]], chosen: Iterable[bool]) -> list[nn.Parameter]:
    return [p for (_, p), keep in zip(named, chosen, strict=True) if keep]


def adamw(
    module: nn.Module,
    *,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    decay_scalars: bool = False,
) -> AdamW:
    """AdamW over ``decay_groups``, fused where the device has it.

    Args:
        module: whose trained parameters it moves.
        learning_rate: of all groups.
        betas: of the means.
        eps: added to the root of the second mean.
        weight_decay: of matrices and kernels.
        decay_scalars: of 0-D parameters too.
    """
    groups = decay_groups(module, weight_decay=weight_decay, decay_scalars=decay_scalars)
    # one kernel for all parameters instead of several for each, where all of them lie on a GPU
    fused = all(p.is_cuda for group in groups for p in group["params"])
    return AdamW(groups, lr=learning_rate, betas=betas, eps=eps, fused=fused)
