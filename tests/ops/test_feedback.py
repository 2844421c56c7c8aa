"""ResCLIP's feedback against loops over pairs of patches."""

import math

import numpy as np
import pytest
import torch

from tagalign.ops.feedback import component_pairs, feedback_map, line_pairs, patch_labels


def grids():
    rng = torch.Generator().manual_seed(0)
    return [torch.randint(0, 3, size, generator=rng) for size in ((4, 5), (3, 9), (1, 6), (1, 1))]


@pytest.mark.parametrize("labels", grids(), ids=lambda g: f"{g.shape[0]}x{g.shape[1]}")
def test_lines_are_walked_cell_by_cell(labels):
    rows, cols = labels.shape
    longest = max(rows, cols) - 1
    shares = np.linspace(0, 1, longest + 1, dtype=np.float32) if longest else np.zeros(1, np.float32)
    cells = [(r, c) for r in range(rows) for c in range(cols)]
    found = line_pairs(labels)
    for i, start in enumerate(cells):
        for j, end in enumerate(cells):
            apart = max(abs(start[0] - end[0]), abs(start[1] - end[1]))
            valid = True
            for k in range(apart + 1):
                place = [
                    int(np.rint(np.float32(a) * (np.float32(1) - shares[k]) + np.float32(b) * shares[k]))
                    for a, b in zip(start, end, strict=True)
                ]
                valid &= bool(labels[place[0], place[1]] == labels[start])
            assert bool(found[i, j]) == valid


def test_components_are_joined_over_corners():
    labels = torch.tensor([[0, 1, 1], [1, 0, 1], [1, 1, 2]])
    found = component_pairs(labels)
    assert found[0, 4]  # over a corner
    assert found[1, 3]  # likewise, across the diagonal of zeros
    assert not found[0, 1]
    assert not found[8, 0]
    apart = component_pairs(torch.tensor([[0, 1, 0]]))
    assert not apart[0, 2]


@pytest.mark.parametrize("labels", grids(), ids=lambda g: f"{g.shape[0]}x{g.shape[1]}")
def test_feedback_is_decayed_equality_blurred_along_the_row(labels):
    valid = component_pairs(labels)
    rows, cols = labels.shape
    count, longest = rows * cols, max(rows, cols, 2) - 1
    taps = min(count, 31) + 1 - min(count, 31) % 2
    kernel = [math.exp(-((t - taps // 2) ** 2) / 50) for t in range(taps)]
    flat = labels.flatten().tolist()
    found = feedback_map(labels, valid)
    for i in range(count):
        line = []
        for j in range(count):
            apart = max(abs(i // cols - j // cols), abs(i % cols - j % cols))
            same = float(flat[i] == flat[j])
            line.append(same if valid[i, j] else same * math.exp(-apart / longest))
        blurred = [
            sum(kernel[t] * line[j + t - taps // 2] for t in range(taps) if 0 <= j + t - taps // 2 < count)
            for j in range(count)
        ]
        wanted = torch.tensor([b / sum(blurred) for b in blurred])
        # float32 sums; the release's floor of 1e-8 in the denominator
        torch.testing.assert_close(found[i], wanted, rtol=1e-5, atol=1e-6)


def test_patch_label_is_the_most_frequent_pixel_and_the_smallest_among_equals():
    pixels = torch.tensor([[2, 2, 0, 1, 9], [2, 1, 1, 0, 9], [9, 9, 9, 9, 9]])
    assert patch_labels(pixels, (1, 2), 2).tolist() == [[2, 0]]
