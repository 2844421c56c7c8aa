"""Streams: one pass forward, heads made once, and windows that are joined before a mode sees them."""

import pytest
import torch

from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.modes.pearl import Pearl
from tagalign.backbones.stream import StitchedStream, Stream
from tagalign.errors import InputError
from tagalign.ops.grid import place_tokens

# float32 through eight blocks, batched otherwise
TOL = {"rtol": 1e-4, "atol": 2e-5}
PATCH = 8


@pytest.fixture
def pixels():
    return torch.randn(1, 3, 40, 56, generator=torch.Generator().manual_seed(0))


def windows_of(pixels, crop, places):
    """Windows of ``crop`` patches whose first patches lie at ``places``."""
    rows, cols = (side * PATCH for side in crop)
    return torch.stack(
        [pixels[0, :, t * PATCH : t * PATCH + rows, left * PATCH : left * PATCH + cols] for t, left in places]
    )


PLACES = [(0, 0), (0, 2), (0, 3), (1, 0), (1, 2), (1, 3)]  # of 4 x 4 patches on 5 x 7


def test_inputs_are_those_of_the_walk_and_heads_are_used_again(backbone, pixels):
    x, _ = backbone.embed_patches(pixels)
    expected = [x]
    for block in backbone.blocks:
        expected.append(block(expected[-1]))
    stream = Stream(backbone.blocks, x)
    for index in (0, 2, 3, stream.num_blocks - 1):
        at = stream.input_of(index)
        torch.testing.assert_close(at.x, expected[index], **TOL)
        assert at.heads is at.heads
    torch.testing.assert_close(stream.last().output(), expected[-1], **TOL)
    torch.testing.assert_close(stream.last().class_row(), expected[-1][:, :1], **TOL)


def test_what_was_passed_is_gone(backbone, pixels):
    x, grid = backbone.embed_patches(pixels)
    for stream in (
        Stream(backbone.blocks, x),
        StitchedStream(backbone.blocks, x, window=grid, places=[(0, 0)], grid=grid, batch_size=1),
    ):
        stream.input_of(3)
        with pytest.raises(ValueError, match="block 2 is behind block 3"):
            stream.input_of(2)


@pytest.mark.parametrize("mode", DENSE_MODES)
def test_one_window_is_the_plain_image(backbone, pixels, mode):
    plain = backbone.encode_dense(pixels, mode=mode)
    found = backbone.encode_stitched(pixels, [(0, 0)], mode=DENSE_MODES[mode].kind())
    assert found.grid == plain.grid
    torch.testing.assert_close(found.patches, plain.patches, **TOL)
    torch.testing.assert_close(found.cls, plain.cls, **TOL)


@pytest.mark.parametrize("mode", DENSE_MODES)
def test_the_order_of_windows_and_the_batch_change_nothing(backbone, pixels, mode):
    chosen = DENSE_MODES[mode].kind()
    order = [3, 0, 5, 1, 4, 2]
    windows = windows_of(pixels, (4, 4), PLACES)
    found = backbone.encode_stitched(windows, PLACES, mode=chosen)
    other = backbone.encode_stitched(windows[order], [PLACES[i] for i in order], mode=chosen, batch_size=4)
    assert found.grid == (5, 7)
    torch.testing.assert_close(other.patches, found.patches, **TOL)
    torch.testing.assert_close(other.cls, found.cls, **TOL)


def test_the_last_block_runs_once_over_the_whole_grid(backbone, pixels):
    windows = windows_of(pixels, (4, 4), PLACES)
    total, count = torch.zeros(5, 7, backbone.width), torch.zeros(5, 7, 1)
    rows = []
    for window, (top, left) in zip(windows, PLACES, strict=True):
        x, _ = backbone.embed_patches(window[None])
        for block in backbone.blocks[:-1]:
            x = block(x)
        rows.append(x[0, 0])
        for i, patch in enumerate(x[0, 1:]):
            total[top + i // 4, left + i % 4] += patch
            count[top + i // 4, left + i % 4] += 1
    joined = torch.cat([torch.stack(rows).mean(dim=0)[None], (total / count).flatten(0, 1)])[None]
    expected = backbone.blocks[-1](joined)[:, 1:]
    found = backbone.encode_stitched(windows, PLACES, mode=DENSE_MODES["clip"].kind())
    torch.testing.assert_close(found.patches, expected, **TOL)


def test_each_block_but_the_last_sees_every_window_once(backbone, pixels):
    """The cost of stitching, counted in blocks."""
    seen = [0] * len(backbone.blocks)

    def count(index):
        def hook(_, arguments):
            seen[index] += len(arguments[0])

        return hook

    hooks = [b.register_forward_pre_hook(count(i)) for i, b in enumerate(backbone.blocks)]
    backbone.encode_stitched(windows_of(pixels, (4, 4), PLACES), PLACES, mode=Pearl(), batch_size=4)
    for hook in hooks:
        hook.remove()
    assert seen == [len(PLACES)] * (len(seen) - 1) + [0]  # the last one's parts are called, never the block


def test_windows_that_leave_a_patch_are_refused():
    with pytest.raises(InputError, match="do not cover the grid of 2 x 3 patches"):
        place_tokens(torch.zeros(1, 4, 5), (2, 2), [(0, 0)], (2, 3))
