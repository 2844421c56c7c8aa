"""PAMR against a loop over pixels and neighbours."""

import math

import pytest
import torch

from tagalign.ops.refine.pamr import RING, pamr


def pamr_by_loops(image, mask, *, iterations, dilations):
    """One image, float64: the docstring's formula, pixel by pixel."""
    _channels, height, width = image.shape

    def at(x, r, c):
        return x[:, min(max(r, 0), height - 1), min(max(c, 0), width - 1)]

    for _ in range(iterations):
        new = torch.zeros_like(mask)
        for r in range(height):
            for c in range(width):
                places = [(r + dy * d, c + dx * d) for d in dilations for dy, dx in RING]
                samples = [at(image, *p) for p in places] + [image[:, r, c]] * len(dilations)
                std = torch.stack(samples).std(dim=0, unbiased=True)
                likeness = [
                    -((image[:, r, c] - at(image, *p)).abs() / (1e-8 + 0.1 * std)).mean().item()
                    for p in places
                ]
                weights = [math.exp(a - max(likeness)) for a in likeness]
                for weight, place in zip(weights, places, strict=True):
                    new[:, r, c] += weight / sum(weights) * at(mask, *place)
        mask = new
    return mask


def test_equals_a_loop_over_pixels():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 6, 7, generator=generator, dtype=torch.float64)
    mask = torch.rand(2, 6, 7, generator=generator, dtype=torch.float64)
    found = pamr(image[None], mask[None], num_iterations=2, dilations=(1, 3))[0]
    # float64: the same sums in another order
    torch.testing.assert_close(
        found, pamr_by_loops(image, mask, iterations=2, dilations=(1, 3)), rtol=1e-10, atol=1e-12
    )


def test_no_iteration_only_resizes():
    mask = torch.rand(1, 2, 4, 4)
    torch.testing.assert_close(pamr(torch.rand(1, 3, 4, 4), mask, num_iterations=0), mask)


def test_weights_sum_to_one():
    constant = torch.full((1, 1, 5, 5), 0.3)
    torch.testing.assert_close(pamr(torch.rand(1, 3, 5, 5), constant), constant)


def test_a_constant_image_gives_no_nan():
    assert pamr(torch.zeros(1, 3, 5, 5), torch.rand(1, 2, 5, 5)).isfinite().all()


@pytest.mark.parametrize("scale", [1 / 255, 10.0])
def test_the_scale_of_the_guide_does_not_matter(scale):
    image, mask = torch.rand(1, 3, 8, 8, dtype=torch.float64), torch.rand(1, 2, 8, 8, dtype=torch.float64)
    # only the floor of 1e-8 beside a tenth of the standard deviation (0.03 scale) depends on it: a share of 3e-7 / scale of
    # each exponent, which the iterations add up
    floor_share = 3e-7 * max(1, 1 / scale)
    torch.testing.assert_close(pamr(image * scale, mask), pamr(image, mask), rtol=0, atol=3 * floor_share)
