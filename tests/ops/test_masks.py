"""Components, boxes and run-length code against plain loops, pycocotools and round trips."""

import numpy as np
import pytest
import torch

from tagalign.errors import DataError
from tagalign.ops.masks import (
    boxes_around,
    component_box_union,
    compress_runs,
    connected_components,
    decode_rle,
    encode_rle,
    expand_runs,
    mask_of_runs,
    run_lengths,
)


def random_masks(count=6, size=(7, 9), share=0.35, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random((count, *size)) < share)


def flood(mask):
    """Components by flood fill with eight neighbours, in plain Python; a list of sets of cells."""
    cells = {(r, c) for r, c in mask.nonzero().tolist()}
    found = []
    while cells:
        stack, component = [min(cells)], set()
        while stack:
            cell = stack.pop()
            if cell not in cells:
                continue
            cells.remove(cell)
            component.add(cell)
            r, c = cell
            stack += [(r + dr, c + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)]
        found.append(component)
    return found


def box_of(cells):
    rows, cols = [r for r, _ in cells], [c for _, c in cells]
    return min(cols), min(rows), max(cols) + 1, max(rows) + 1


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_components_are_those_of_a_flood_fill(share):
    masks = random_masks(share=share)
    ids, counts = connected_components(masks)
    for mask, labelled, count in zip(masks, ids, counts.tolist(), strict=True):
        mine = [{tuple(cell) for cell in (labelled == i + 1).nonzero().tolist()} for i in range(count)]
        assert mine == flood(mask)
        assert torch.equal(labelled > 0, mask)


def test_one_box_surrounds_all_true_cells():
    masks = random_masks(share=0.1)
    masks[2] = False
    for mask, box in zip(masks, boxes_around(masks).tolist(), strict=True):
        cells = mask.nonzero().tolist()
        assert tuple(box) == (box_of(cells) if cells else (0, 0, 0, 0))


@pytest.mark.parametrize("lose_last", [False, True])
def test_box_union_covers_the_boxes_of_all_components(lose_last):
    masks = random_masks(share=0.3)
    height, width = masks.shape[1:]
    for mask, covered in zip(masks, component_box_union(masks, lose_last=lose_last), strict=True):
        expected = torch.zeros_like(mask)
        for component in flood(mask):
            left, top, right, bottom = box_of(component)
            if lose_last:
                right, bottom = min(right, width - 1), min(bottom, height - 1)
            expected[top:bottom, left:right] = True
        assert torch.equal(covered, expected)


def test_released_boxes_never_cover_the_last_row_and_column():
    full = torch.ones(1, 4, 5, dtype=torch.bool)
    covered = component_box_union(full, lose_last=True)[0]
    assert covered[:-1, :-1].all()
    assert not covered[-1].any()
    assert not covered[:, -1].any()
    assert component_box_union(full).all()


def test_empty_masks_and_empty_stacks_stay_empty():
    assert not component_box_union(torch.zeros(2, 3, 3, dtype=torch.bool)).any()
    assert component_box_union(torch.zeros(0, 3, 3, dtype=torch.bool)).shape == (0, 3, 3)
    assert boxes_around(torch.zeros(0, 3, 3, dtype=torch.bool)).shape == (0, 4)


def test_run_lengths_go_down_the_columns_and_start_with_false():
    assert run_lengths(torch.tensor([[True, False], [False, False]])) == [0, 1, 3]
    assert run_lengths(torch.zeros(2, 3, dtype=torch.bool)) == [6]
    assert run_lengths(torch.zeros(0, 3, dtype=torch.bool)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 2), (64, 48)])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_codes_equal_pycocotools_and_come_back(size, share):
    coco = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    mask = random_masks(1, size, share, seed=3)[0]
    code = encode_rle(mask)
    theirs = coco.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
    assert code == theirs["counts"]
    assert torch.equal(decode_rle(code, size), mask)
    assert torch.equal(mask_of_runs(run_lengths(mask), size), mask)
    assert expand_runs(compress_runs(run_lengths(mask))) == run_lengths(mask)


def test_long_runs_need_several_groups():
    lengths = [100_000, 1, 2_000_000, 70_000, 5]
    assert expand_runs(compress_runs(lengths)) == lengths


@pytest.mark.parametrize(
    ("code", "message"),
    [(b"\x10", "got byte 16"), (b"o", "cut off"), (encode_rle(random_masks(1)[0]), "64 cells")],
)
def test_damaged_codes_are_refused(code, message):
    with pytest.raises(DataError, match=message):
        decode_rle(code, (8, 8))
