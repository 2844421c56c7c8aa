"""Grids: positions, tokens and neighbourhoods."""

import math

import pytest
import torch

from tagalign.errors import InputError
from tagalign.ops.grid import gaussian_neighbourhood, map_to_tokens, resize_positions, tokens_to_map


def test_native_positions_are_returned_unchanged():
    positions = torch.randn(17, 3)
    assert resize_positions(positions, (4, 4)) is positions


def test_class_position_is_kept_and_the_grid_gets_its_size():
    positions = torch.randn(10, 3)
    resized = resize_positions(positions, (2, 5))
    assert resized.shape == (11, 3)
    assert torch.equal(resized[0], positions[0])


def test_constant_positions_stay_constant():
    # bicubic weights sum to 1
    torch.testing.assert_close(resize_positions(torch.ones(17, 2), (7, 3)), torch.ones(22, 2))


def test_positions_that_are_no_square_are_refused():
    with pytest.raises(InputError, match="square grid of positions after the class token, got 11"):
        resize_positions(torch.randn(12, 3), (2, 2))


def test_tokens_and_maps_are_inverse_and_row_major():
    tokens = torch.arange(12.0).view(1, 6, 2)
    maps = tokens_to_map(tokens, (2, 3))
    assert maps[0, :, 1, 0].tolist() == tokens[0, 3].tolist()
    assert torch.equal(map_to_tokens(maps), tokens)


def test_wrong_count_says_what_to_do():
    with pytest.raises(InputError, match="cannot lay 7 patches on a 2x3 grid"):
        tokens_to_map(torch.zeros(1, 7, 2), (2, 3))


def test_neighbourhood_equals_a_loop():
    near = gaussian_neighbourhood((2, 3), sigma=1.5, dtype=torch.float64)
    for p in range(6):
        for q in range(6):
            gap = (p // 3 - q // 3) ** 2 + (p % 3 - q % 3) ** 2
            assert near[p, q].item() == pytest.approx(math.exp(-gap / (2 * 1.5**2)), rel=1e-12)


def test_offset_positions_lie_where_the_factors_put_them():
    # torch does the bicubic weights; here they are written out, with its a = -0.75
    side, rows = 4, 6
    table = torch.randn(1 + side * side, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = resize_positions(table, (rows, side), mode="offset")[1:].view(rows, side, 3)
    column_factor, row_factor = side / (side + 0.1), side / (rows + 0.1)

    def cubic(x):
        x, a = abs(x), -0.75
        if x <= 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    def taps(i, factor):
        source = (i + 0.5) * factor - 0.5
        first = math.floor(source)
        return [(min(max(first + t, 0), side - 1), cubic(source - first - t)) for t in (-1, 0, 1, 2)]

    native = table[1:].view(side, side, 3)
    for r in range(rows):
        for c in range(side):
            wanted = sum(
                wy * wx * native[y, x] for y, wy in taps(r, row_factor) for x, wx in taps(c, column_factor)
            )
            torch.testing.assert_close(found[r, c], wanted, rtol=1e-9, atol=1e-9)


def test_offset_positions_of_as_many_patches_stay_in_any_shape():
    table = torch.randn(17, 3)
    assert torch.equal(resize_positions(table, (8, 2), mode="offset"), table)
