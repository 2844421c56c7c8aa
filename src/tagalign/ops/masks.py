"""Binary masks: connected components, bounding boxes, and COCO's run-length code (plain and compressed).

Boxes are XYXY, ends exclusive, in the unit of the mask's cells. Run lengths go down the columns, first column first, and
start with the number of False cells, as COCO's do.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from tagalign.errors import DataError

# 8 neighbours within a mask, none across masks: a whole stack is labelled in one call
_STACK_8 = np.zeros((3, 3, 3), dtype=bool)
_STACK_8[1] = True
MOST_GROUPS = 12
"""Groups of 5 bits that fit an integer of 64 bits with its sign: runs of up to 2^59 cells."""


def connected_components(
    masks: Bool[Tensor, "masks height width"],
) -> tuple[Int[Tensor, "masks height width"], Int[Tensor, " masks"]]:
    """Components of True cells that touch by a side or a corner.

    Returns:
        Ids from 1 within each mask, in the order of their first cell row by row, 0 where the mask is False; and the
        number of components of each mask.
    """
    from scipy import ndimage  # late: a third of a second that most tags do not need

    stacked, _ = ndimage.label(masks.cpu().numpy(), structure=_STACK_8)
    first = np.concatenate(
        [[0], np.maximum.accumulate(stacked.reshape(len(stacked), -1).max(axis=1, initial=0))]
    )
    local = np.where(stacked > 0, stacked - first[:-1, None, None], 0)
    return torch.from_numpy(local.astype(np.int64)), torch.from_numpy(np.diff(first).astype(np.int64))


def boxes_around(masks: Bool[Tensor, "masks height width"]) -> Int[Tensor, "masks 4"]:
    """One box around all True cells of each mask; ``(0, 0, 0, 0)`` for an empty one."""
    left, right = _ends(masks.any(dim=1))
    top, bottom = _ends(masks.any(dim=2))
    return torch.stack([left, top, right, bottom], dim=1)


def _ends(lines: Bool[Tensor, "masks cells"]) -> tuple[Tensor, Tensor]:
    """First and one past the last True cell of each row; both 0 where there is none."""
    ids = torch.arange(1, lines.shape[1] + 1, device=lines.device)
    end = (lines * ids).amax(dim=1)
    start = torch.where(end > 0, lines.shape[1] - (lines * ids.flip(0)).amax(dim=1), 0)
    return start, end


def component_box_union(
    masks: Bool[Tensor, "masks height width"], *, lose_last: bool = False
) -> Bool[Tensor, "masks height width"]:
    """Cells inside the bounding box of at least one connected component of their mask.

    Args:
        masks: any number of them; empty ones stay empty.
        lose_last: clip the exclusive ends of the boxes to ``size - 1``, so that the last row and the last column are never
            covered: what the released CLIP-ES and TagCLIP code does.
    """
    from scipy import ndimage  # late, as above

    stacked, total = ndimage.label(masks.cpu().numpy(), structure=_STACK_8)
    if not total:
        return torch.zeros_like(masks)
    mask, boxes = _component_boxes(stacked, total)
    height, width = masks.shape[1:]
    if lose_last:
        boxes = np.minimum(boxes, np.array([width, height, width - 1, height - 1])[:, None])
    return torch.from_numpy(_paint(mask, boxes, masks.shape)).to(masks.device)


def _component_boxes(stacked: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """The mask of every component, and its left, top, right and bottom."""
    from scipy import ndimage  # late, as above

    # found in C in one pass; reading the coordinates of all cells costs twice as much
    found = ndimage.find_objects(stacked, max_label=total)
    ends = np.array([(m.start, c.start, r.start, c.stop, r.stop) for m, r, c in found], dtype=np.int64)
    return ends[:, 0], ends[:, 1:].T


def _paint(mask: np.ndarray, boxes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Union of the boxes of each mask, by second differences: the cost does not grow with the area of the boxes."""
    left, top, right, bottom = boxes
    full = (right > left) & (bottom > top)
    mask, left, top, right, bottom = (a[full] for a in (mask, left, top, right, bottom))
    masks, rows, cols = shape[0], shape[1] + 1, shape[2] + 1
    start = mask * (rows * cols)
    up = np.concatenate([start + top * cols + left, start + bottom * cols + right])
    down = np.concatenate([start + top * cols + right, start + bottom * cols + left])
    counts = (np.bincount(places, minlength=masks * rows * cols) for places in (up, down))
    steps = np.subtract(*counts).astype(np.int32).reshape(masks, rows, cols)
    np.cumsum(steps, axis=1, out=steps)
    np.cumsum(steps, axis=2, out=steps)
    covered: np.ndarray = steps[:, :-1, :-1] > 0
    return covered


# --- run-length code --------------------------------------------------------------------------------------------------


def run_lengths(mask: Bool[Tensor, "height width"]) -> list[int]:
    """Lengths of the runs down the columns, the first of False cells (0 when the first cell is True).

    >>> run_lengths(torch.tensor([[False, True], [True, True]]))
    [1, 3]
    """
    cells = mask.cpu().numpy().T.ravel()
    if not cells.size:
        return []
    edges = np.flatnonzero(cells[1:] != cells[:-1]) + 1
    lengths: list[int] = np.diff(np.concatenate([[0], edges, [cells.size]])).tolist()
    return [0, *lengths] if cells[0] else lengths


def check_runs(lengths: Sequence[int], size: tuple[int, int]) -> None:
    """Refuse run lengths that are of no mask of this size.

    Raises:
        DataError: if they are negative or do not fill it.
    """
    height, width = size
    # the sum by Python's numbers: those of a damaged file may not fit into 64 bits
    if min(lengths, default=0) < 0 or sum(lengths) != height * width:
        raise DataError(
            f"expected non-negative run lengths that fill {height} x {width} = {height * width} cells, "
            f"got a sum of {sum(lengths)}"
        )


def mask_of_runs(lengths: Sequence[int], size: tuple[int, int]) -> Bool[Tensor, "height width"]:
    """The inverse of ``run_lengths``.

    Raises:
        DataError: if the lengths are negative or do not fill the size.
    """
    check_runs(lengths, size)
    height, width = size
    values = np.arange(len(lengths)) % 2 == 1
    cells = np.repeat(values, lengths).reshape(width, height).T
    return torch.from_numpy(np.ascontiguousarray(cells))


def compress_runs(lengths: Sequence[int]) -> bytes:
    """COCO's compressed string of run lengths.

    From the fourth run on, the difference to the run two places before is stored; every number is cut into groups of
    5 bits, lowest first, bit 6 set while more follow, plus 48 to make it printable.
    """
    runs = np.asarray(lengths, dtype=np.int64)
    code, _ = compress_many(runs, np.array([0, len(runs)]))
    return code.tobytes()


def compress_many(
    runs: Int[np.ndarray, " runs"], bounds: Int[np.ndarray, " bounds"]
) -> tuple[UInt8[np.ndarray, " bytes"], Int[np.ndarray, " bounds"]]:
    """``compress_runs`` of many masks at once: the runs of mask ``i`` are ``bounds[i]`` to ``bounds[i + 1]``.

    Returns:
        The bytes of all codes, and where each begins and ends in them.
    """
    values = runs.copy()
    values[2:] -= runs[:-2]
    # the first three runs of a mask are stored as they are, whatever mask stands before them
    plain = np.minimum(bounds[:-1, None] + np.arange(3), bounds[1:, None] - 1)[
        bounds[1:] > bounds[:-1]
    ].reshape(-1)
    values[plain] = runs[plain]
    # a number ends with the group whose bit 5 is its sign: n groups hold -2^(5n-1) to 2^(5n-1) - 1
    magnitude = np.where(values < 0, ~values, values)
    long = np.flatnonzero(magnitude >> 4)  # most have one group
    groups = np.ones(len(values), dtype=np.int64)
    limit = 4
    while int(magnitude.max(initial=0)) >> limit:
        groups[long] += magnitude[long] >> limit > 0
        limit += 5
    ends = np.concatenate([[0], np.cumsum(groups)])
    out = np.empty(ends[-1], dtype=np.uint8)
    out[ends[:-1]] = (values & 31 | (groups > 1) << 5) + 48
    group = 1
    while len(long):
        more = groups[long] > group + 1
        out[ends[long] + group] = (values[long] >> 5 * group & 31 | more << 5) + 48
        long, group = long[more], group + 1
    return out, ends[bounds]


def expand_runs(code: bytes) -> list[int]:
    """The inverse of ``compress_runs``.

    Raises:
        DataError: if a byte is out of range or the last number is cut off.
    """
    groups = np.frombuffer(code, dtype=np.uint8).astype(np.int64) - 48
    wrong = (groups < 0) | (groups >= 64)
    if wrong.any():
        raise DataError(
            f"expected compressed run lengths (bytes 48 to 111), got byte {code[int(wrong.argmax())]}"
        )
    lasts = np.flatnonzero(groups < 32)
    if len(groups) and groups[-1] >= 32:
        raise DataError("the compressed run lengths end in the middle of a number; the code was cut off")
    firsts = np.concatenate([[0], lasts + 1])[: len(lasts)]
    sizes = lasts - firsts + 1
    if sizes.max(initial=0) > MOST_GROUPS:
        raise DataError(
            f"a run length has {sizes.max()} groups of 5 bits, at most {MOST_GROUPS} are read; the code is damaged"
        )
    shift = 5 * (np.arange(len(groups)) - np.repeat(firsts, sizes))
    values = np.add.reduceat((groups & 31) << shift, firsts) if len(firsts) else np.zeros(0, dtype=np.int64)
    values -= np.where(groups[lasts] & 16, np.int64(1) << 5 * sizes, 0)
    # from the fourth run on a number is the difference to the run two places before
    values[1::2] = values[1::2].cumsum()
    values[2::2] = values[2::2].cumsum()
    found: list[int] = values.tolist()
    return found


def encode_rle(mask: Bool[Tensor, "height width"]) -> bytes:
    """A mask as COCO's compressed run-length code; its size must be kept beside it."""
    return compress_runs(run_lengths(mask))


def decode_rle(code: bytes, size: tuple[int, int]) -> Bool[Tensor, "height width"]:
    """The mask of a compressed run-length code of ``(height, width)``.

    Raises:
        DataError: if the code is damaged or belongs to another size.
    """
    return mask_of_runs(expand_runs(code), size)
