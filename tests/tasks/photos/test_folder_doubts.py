"""Rows of a run with two answers, of methods on different scales.

Holds ``tasks/label_summary.py``.
"""

import pyarrow as pa
import pytest
import torch

from tagalign.ops.doubt import expected_errors_in_folder
from tagalign.tasks.label_summary import summarise
from tagalign.tasks.photos.folder_doubts import LEAST_PHOTOS, folder_errors
from tagalign.tasks.photos.rows import TAG_SCHEMA, tag_row, write_rows
from tagalign.tasks.review.queue import read_queue
from tagalign.types import Tagging

NAMES = ("dog", "cat")


@pytest.fixture
def answers():
    """Scores of two answers; the second one's are all small."""
    values = torch.rand(2, LEAST_PHOTOS + 5, 2, generator=torch.Generator().manual_seed(3)) * 0.9 + 0.05
    values[1] *= 0.01
    return values


def write(folder, answers, schema=TAG_SCHEMA):
    """Two parts."""
    rows = []
    for i, (one, two) in enumerate(zip(*answers.tolist(), strict=True)):
        chosen = tuple(k for k in range(2) if one[k] > 0.5)
        row = tag_row(f"{i:02}.png", (4, 4), Tagging(names=NAMES, scores=tuple(one), chosen=chosen))
        rows.append({**row, "second_scores": two})
    paths = [folder / "tags" / f"part-00000-of-00001-00000{i}.parquet" for i in range(2)]
    for path, part in zip(paths, (rows[:7], rows[7:]), strict=True):
        write_rows(path, part, schema)
    return paths


def test_queue_and_page_go_by_the_folder(answers, tmp_path):
    paths = write(tmp_path, answers)
    found = folder_errors(paths, NAMES)
    expected = expected_errors_in_folder(answers, answers[0] > 0.5)
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), expected)
    order = expected.argsort(descending=True).tolist()
    queue = read_queue(tmp_path, NAMES)
    ranked = [one.key for one in sorted(queue.photos, key=lambda one: one.rank)]
    assert ranked == [f"{i:02}.png" for i in order]
    assert [doubt.key for doubt in summarise(tmp_path, "tag", NAMES).doubts()] == ranked


def test_runs_that_cannot_tell_keep_the_errors_of_their_rows(answers, tmp_path):
    assert folder_errors(write(tmp_path / "few", answers[:, : LEAST_PHOTOS - 1]), NAMES) is None
    older = pa.schema([field for field in TAG_SCHEMA if field.name != "second_scores"])
    assert folder_errors(write(tmp_path / "older", answers, older), NAMES) is None
    assert folder_errors([], NAMES) is None
    assert read_queue(tmp_path / "older", NAMES).order == "errors"
