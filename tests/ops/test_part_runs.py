"""Run lengths of many parts at once against one mask at a time: pycocotools' encoder and plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from tagalign.ops.part_runs import part_codes, runs_of_parts

# pycocotools 2.0.11 calls numpy 2 the old way
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

maps = arrays(np.int32, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 3))


def numbered(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Numbers without gaps, 0 kept."""
    present = [number for number in np.unique(values).tolist() if number]
    return np.searchsorted([0, *present], values).astype(np.int32), len(present)


@settings(max_examples=60, deadline=None)
@given(maps, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_codes_are_those_of_pycocotools(
    values: np.ndarray, above: int, below: int, left: int, right: int
) -> None:
    coco = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    parts, count = numbered(values)
    size = (parts.shape[0] + above + below, parts.shape[1] + left + right)
    codes = part_codes(parts, count, origin=(above, left), size=size)
    assert len(codes) == count
    for number, code in enumerate(codes, start=1):
        mask = np.zeros(size, dtype=np.uint8, order="F")
        mask[above : above + parts.shape[0], left : left + parts.shape[1]] = parts == number
        assert code.encode() == coco.encode(mask)["counts"]


def test_a_noisy_map_of_thousands_of_parts() -> None:
    coco = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    noise = np.random.default_rng(0).random((120, 150)) < 0.25
    parts, count = ndimage.label(noise, structure=np.ones((3, 3)))
    codes = part_codes(parts, count, origin=(0, 0), size=noise.shape)
    assert count > 500
    found = coco.decode([{"size": list(noise.shape), "counts": code.encode()} for code in codes])
    np.testing.assert_array_equal(found @ np.arange(1, count + 1), parts)


def test_no_parts_no_codes() -> None:
    assert part_codes(np.zeros((3, 4), dtype=np.int32), 0, origin=(0, 0), size=(3, 4)) == []


def test_runs_end_with_their_line() -> None:
    runs = runs_of_parts(np.array([[2, 1, 1], [1, 0, 2]]))
    assert runs.part.tolist() == [0, 0, 1, 1]
    assert runs.start.tolist() == [1, 3, 0, 5]
    assert runs.end.tolist() == [3, 4, 1, 6]
