"""Gaussian filtering in a few dimensions on the permutohedral lattice: splat, blur, slice, in whole-tensor operations.

An approximation, and the one that every fully connected CRF in the field uses: linear interpolation to the vertices of a
lattice with one cell per standard deviation, and a three-tap blur along its axes.
Reference: Adams, Baek and Davis, Fast High-Dimensional Filtering Using the Permutohedral Lattice, Eurographics 2010.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Lattice:
    """Where points lie on the lattice, and who is next to whom.

    Attributes:
        vertices: of the simplex around each point, as ids.
        weights: barycentric; they sum to 1.
        neighbours: the two neighbours of every vertex along every axis; ``num_vertices`` where there is none.
        num_vertices: that are used.
    """

    vertices: Int[Tensor, "points corners"]
    weights: Float[Tensor, "points corners"]
    neighbours: Int[Tensor, "corners 2 vertices"]
    num_vertices: int

    def filter(self, values: Float[Tensor, "points channels"]) -> Float[Tensor, "points channels"]:
        """``sum_j exp(-|f_i - f_j|^2 / 2) values_j``, approximately, up to a constant factor; j = i is included."""
        channels, corners = values.shape[1], self.vertices.shape[1]
        held = values.new_zeros(self.num_vertices + 1, channels)
        for corner in range(corners):
            held.index_add_(0, self.vertices[:, corner], values * self.weights[:, corner, None])
        for before, after in self.neighbours:
            # 1/2, 1, 1/2: twice the binomial kernel; whoever wants shares divides by what a map of ones becomes
            held[:-1] += 0.5 * (held[before] + held[after])
        out = torch.zeros_like(values)
        for corner in range(corners):
            out += held[self.vertices[:, corner]] * self.weights[:, corner, None]
        # the scaling constant of Adams et al.'s code; shares do not depend on it
        return out / (1 + 2.0 ** -(corners - 1))


def build_lattice(
    features: Float[Tensor, "points dims"], batch: Int[Tensor, " points"] | None = None
) -> Lattice:
    """Place points on the lattice.

    Args:
        features: positions in units of the standard deviation of each dimension.
        batch: points of different numbers never see each other; all together when None.
    """
    # float64: rests are ranked below, and a rounded tie puts a point into the simplex beside its own
    elevated = _elevate(features.double())
    corner, rank = _enclosing_simplex(elevated)
    weights = _barycentric(elevated, corner, rank)
    dims = features.shape[1]
    # vertex r of the simplex: the remainder-0 corner plus r, minus (dims + 1) where the rank is large
    steps = torch.arange(dims + 1, device=features.device)
    wraps = rank[:, None] > dims - steps[:, None]  # points corners dims + 1
    keys = corner[:, None] + steps[:, None] - (dims + 1) * wraps.long()
    return _index(keys[..., :dims], weights.to(features.dtype), batch)


def _elevate(features: Tensor) -> Tensor:
    """Onto the plane of coordinates that sum to 0, scaled so that the blur has standard deviation 1."""
    dims = features.shape[1]
    i = torch.arange(1, dims + 1, device=features.device, dtype=features.dtype)
    scaled = features * (dims + 1) * (2 / 3) ** 0.5 / (i * (i + 1)).sqrt()
    behind = scaled.flip(1).cumsum(1).flip(1)  # sum of scaled_j for j >= i
    after = torch.cat([behind, torch.zeros_like(behind[:, :1])], dim=1)
    return after - torch.cat([torch.zeros_like(scaled[:, :1]), i * scaled], dim=1)


def _enclosing_simplex(elevated: Tensor) -> tuple[Tensor, Tensor]:
    """The remainder-0 corner next to each point, and the rank of every coordinate's rest, 0 for the largest."""
    size = elevated.shape[1]
    corner = (elevated / size).round() * size
    rest = elevated - corner
    order = rest.argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(size, device=order.device).expand_as(order)
    )
    corner = corner.long()
    # the rounded corner may lie off the plane; the coordinates with the most extreme rests are moved back onto it
    rank = rank + corner.sum(dim=1, keepdim=True) // size
    low, high = rank < 0, rank >= size
    corner = corner + size * low.long() - size * high.long()
    return corner, rank + size * low.long() - size * high.long()


def _barycentric(elevated: Tensor, corner: Tensor, rank: Tensor) -> Tensor:
    size = elevated.shape[1]
    rest = (elevated - corner) / size
    weights = elevated.new_zeros(len(elevated), size + 1)
    weights.scatter_add_(1, size - 1 - rank, rest)
    weights.scatter_add_(1, size - rank, -rest)
    weights[:, 0] += 1 + weights[:, size]
    return weights[:, :size]


def _index(keys: Int[Tensor, "points corners dims"], weights: Tensor, batch: Tensor | None) -> Lattice:
    """Number the vertices that occur and find their neighbours."""
    points, corners, dims = keys.shape
    # one integer per vertex; a margin keeps the neighbours' digits from running over
    keys = keys - keys.amin(dim=(0, 1)) + corners
    base = keys.amax(dim=(0, 1)) + corners + 1
    place = torch.cat([base.new_ones(1), base.cumprod(0)])
    packed = (keys * place[:dims]).sum(dim=2)
    if batch is not None:
        packed = packed + batch[:, None] * place[dims]
    used, ids = packed.unique(return_inverse=True)
    neighbours = []
    for axis in range(corners):
        step = -place[:dims].sum() + (corners * place[axis] if axis < dims else 0)
        neighbours.append(torch.stack([_find(used, used + step), _find(used, used - step)]))
    return Lattice(
        vertices=ids.reshape(points, corners),
        weights=weights,
        neighbours=torch.stack(neighbours),
        num_vertices=len(used),
    )


def _find(used: Tensor, wanted: Tensor) -> Tensor:
    """Places of the wanted keys among the sorted ones, ``len(used)`` where there is none."""
    places = torch.searchsorted(used, wanted).clamp_max(len(used) - 1)
    return torch.where(used[places] == wanted, places, len(used))
