"""PEARL's text-aware propagation: cosine maps flow along edges of the photo and between names that are alike.

Maps are cosines of every *name* at every pixel, before aliases are merged and before any scale; the guide is the normalised
picture at the same size. A grid of about 80 x 80 cells is solved, whatever the size of the picture.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

NameGrids = Float[Tensor, "names rows cols"]
Plane = Float[Tensor, "rows cols"]
NameSimilarity = Float[Tensor, "names names"]

GRID = 80  # cells a side; 224 for ADE20K and Cityscapes in the release
# constants of PEARL's release
TRUST_FLOOR = (
    0.05  # nearly always reached where the scale is 1: a softmax of raw cosines over 30 names stays below it
)
TEXT_TEMPERATURE = 0.5
IDENTITY_WEIGHT = 10.0  # after the softmax: a name speaks for itself first
EDGE_SHARPNESS = 5.0
STEPS = 25  # the release stops here, far from the solution
FLOOR = 1e-6
STEP_FLOOR = 1e-12
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601; here of a normalised picture, as released


@dataclass(frozen=True, kw_only=True)
class PropagationRule:
    """What the profiles differ in.

    Attributes:
        relation: ``diagonal`` sees how alike a name is to itself alone, as the release does by a repeated index; ``full``
            sees all pairs of names.
        clamp_edges: edge weights end at 1.
        steps: of conjugate gradients; None solves the system: float64, residual below 1e-9 of the right side.
        scale: of the cosines before the softmax that says how sure a cell is; 1 in the release.
        grid: cells a side.
    """

    relation: Literal["diagonal", "full"] = "full"
    clamp_edges: bool = True
    steps: int | None = None
    scale: float = 40.0
    grid: int = GRID


RULES = {
    "paper": PropagationRule(clamp_edges=False, scale=1.0),
    "released": PropagationRule(relation="diagonal", steps=STEPS, scale=1.0),
    "fixed": PropagationRule(),
}
"""By profile. ``fixed`` has the release's constants with the full text matrix, weights from ``softmax(40 cosine)``, and the
solution itself instead of 25 steps towards it."""


def text_relation(embeds: Float[Tensor, "names dim"]) -> NameSimilarity:
    """``softmax(cosine / 0.5) + 10 I``, rows divided by their sum: how much the names speak for each other."""
    unit = F.normalize(embeds.float(), dim=-1)
    raw = (unit @ unit.T / TEXT_TEMPERATURE).softmax(dim=1)
    raw = raw + IDENTITY_WEIGHT * torch.eye(len(raw), device=raw.device)
    return raw / (raw.sum(dim=1, keepdim=True) + FLOOR)


def strides(size: tuple[int, int], grid: int) -> tuple[int, int]:
    """Pixels per cell along both axes: ``max(1, round(length / grid))``, half to even."""
    return max(1, round(size[0] / grid)), max(1, round(size[1] / grid))


def pooled(
    maps: Float[Tensor, "names height width"], grid: int
) -> Float[Tensor, "names cell_rows cell_cols"]:
    """Means of whole cells; pixels that fill none at the bottom and right are dropped."""
    step = strides((maps.shape[1], maps.shape[2]), grid)
    return maps if step == (1, 1) else F.avg_pool2d(maps[None], step)[0]


def spoken(probs: NameGrids, text: NameSimilarity, relation: str) -> NameGrids:
    """``S p`` of each cell: what its names say of each other; of the diagonal alone, as released, each of itself."""
    if relation == "diagonal":
        return text.diagonal()[:, None, None] * probs
    return (text @ probs.flatten(1)).view_as(probs)


def agreement(first: NameGrids, told: NameGrids) -> Plane:
    """``p' S q`` of each cell, in [0, 1], of p and ``spoken`` of q."""
    return (first * told).sum(dim=0).clamp(0, 1)


def trust(probs: NameGrids, text: NameSimilarity, relation: str) -> Plane:
    """How much a cell keeps its own value: ``max(max_q p_q, 0.05)^2 (1 + p' S p)``."""
    sure = probs.amax(dim=0).clamp_min(TRUST_FLOOR).square()
    return sure * (1 + agreement(probs, spoken(probs, text, relation)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Edges:
    """Weights between 4-connected cells: of a cell and its left neighbour, and of a cell and its upper one."""

    horizontal: Float[Tensor, "rows less_cols"]
    vertical: Float[Tensor, "less_rows cols"]


def edge_weights(
    guide: Float[Tensor, "3 rows cols"], probs: NameGrids, text: NameSimilarity, rule: PropagationRule
) -> Edges:
    """``b (1 + p_i' S p_j)`` with ``b = exp(-5 |grey_i - grey_j| / mean difference)``, each direction with its own mean.

    Args:
        guide: the normalised picture on the grid of cells.
        probs: p, of the names.
        text: S, of ``text_relation``.
        rule: whether all pairs of names count, and whether weights end at 1.
    """
    grey = sum(weight * guide[i] for i, weight in enumerate(LUMA))
    if not isinstance(grey, Tensor):
        raise AssertionError("a picture has three channels")
    told = spoken(probs, text, rule.relation)
    return Edges(
        horizontal=_weights(grey[:, 1:] - grey[:, :-1], probs[:, :, 1:], told[:, :, :-1], rule),
        vertical=_weights(grey[1:] - grey[:-1], probs[:, 1:], told[:, :-1], rule),
    )


def _weights(steps: Tensor, here: NameGrids, told: NameGrids, rule: PropagationRule) -> Tensor:
    if not steps.numel():  # a single row or column
        return steps
    steps = steps.abs()
    likeness = torch.exp(-EDGE_SHARPNESS * steps / (steps.mean() + FLOOR))
    weights = likeness * (1 + agreement(here, told))
    return weights.clamp_max(1) if rule.clamp_edges else weights


def solve_steps(maps: NameGrids, own: Plane, edges: Edges, steps: int) -> NameGrids:
    """``(diag(own) + Laplacian(edges)) F = diag(own) maps``, as far as conjugate gradients get from ``F = maps``.

    All names are one system, with one step length for all, as released.

    Args:
        maps: one per name.
        own: how much each cell keeps of its value, of ``trust``.
        edges: of ``edge_weights``.
        steps: exactly so many; 0 gives the maps.
    """
    found = maps.clone()
    residual = own * maps - _apply(found, own, edges)
    direction, square = residual.clone(), residual.square().sum()
    for _ in range(steps):
        moved = _apply(direction, own, edges)
        length = square / ((direction * moved).sum() + STEP_FLOOR)
        found += length * direction
        residual -= length * moved
        after = residual.square().sum()
        direction = residual + after / (square + STEP_FLOOR) * direction
        square = after
    return found


def solve_exactly(maps: NameGrids, own: Plane, edges: Edges) -> NameGrids:
    """The solution of the same system: block by block along the longer side, in float64.

    Cells of one line know those of the next through a diagonal alone. So with ``A_r`` the system of a line and ``v_r`` its
    edges to the next, ``S_0 = A_0``, ``S_(r+1) = A_(r+1) - v_r S_r^-1 v_r`` (Cholesky, as wide as the shorter side), and all
    names are right sides of one product per line; a band of the whole would be walked once per name.
    """
    if maps.shape[2] > maps.shape[1]:
        turned = Edges(horizontal=edges.vertical.T, vertical=edges.horizontal.T)
        return solve_exactly(maps.transpose(1, 2), own.T, turned).transpose(1, 2)
    diagonal, sides = (own + _degree(edges)).double(), (own * maps).double().permute(1, 2, 0)
    beside, below = edges.horizontal.double(), F.pad(edges.vertical.double(), (0, 0, 0, 1))
    solved, onward = [], []
    carried, pushed = torch.zeros_like(diagonal[0]).diag(), torch.zeros_like(sides[0])
    for row, line in enumerate(diagonal):
        block = line.diag() - beside[row].diag(1) - beside[row].diag(-1) - carried
        both = torch.cat([sides[row] + pushed, below[row].diag()], dim=1)
        both = torch.cholesky_solve(both, torch.linalg.cholesky(block))
        solved.append(both[:, : len(maps)])
        onward.append(both[:, len(maps) :])
        carried, pushed = below[row, :, None] * onward[-1], below[row, :, None] * solved[-1]
    for row in reversed(range(len(solved) - 1)):
        solved[row] = solved[row] + onward[row] @ solved[row + 1]
    return torch.stack(solved).permute(2, 0, 1).to(maps)


def _degree(edges: Edges) -> Plane:
    """Sum of the weights of the edges of every cell."""
    sideways = F.pad(edges.horizontal, (1, 0)) + F.pad(edges.horizontal, (0, 1))
    return sideways + F.pad(edges.vertical, (0, 0, 1, 0)) + F.pad(edges.vertical, (0, 0, 0, 1))


def _apply(maps: NameGrids, own: Plane, edges: Edges) -> NameGrids:
    result = own * maps
    flow = edges.horizontal * (maps[:, :, 1:] - maps[:, :, :-1])
    result[:, :, 1:] += flow
    result[:, :, :-1] -= flow
    flow = edges.vertical * (maps[:, 1:] - maps[:, :-1])
    result[:, 1:] += flow
    result[:, :-1] -= flow
    return result


def propagate(
    maps: Float[Tensor, "names height width"],
    guide: Float[Tensor, "3 height width"],
    text: NameSimilarity,
    rule: PropagationRule,
) -> Float[Tensor, "names height width"]:
    """Cosine maps after propagation, at their own size.

    Args:
        maps: cosines of every name, no scale.
        guide: the normalised picture.
        text: ``text_relation`` of the names.
        rule: see ``RULES``.

    Returns:
        As ``maps``; where cells were pooled, pixels that filled no cell are stretched over, as released.

    Reference:
        PEARL, arXiv:2603.21528, text-aware Laplacian propagation.
    """
    size = (maps.shape[1], maps.shape[2])
    cells, colours = pooled(maps.float(), rule.grid), pooled(guide.float(), rule.grid)
    probs = (rule.scale * cells).softmax(dim=0)
    own, edges = trust(probs, text, rule.relation), edge_weights(colours, probs, text, rule)
    found = (
        solve_exactly(cells, own, edges) if rule.steps is None else solve_steps(cells, own, edges, rule.steps)
    )
    if cells.shape == maps.shape:
        return found
    return F.interpolate(found[None], size=size, mode="bilinear", align_corners=False)[0]
