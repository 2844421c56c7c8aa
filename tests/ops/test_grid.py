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
