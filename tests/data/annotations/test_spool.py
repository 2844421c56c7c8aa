"""Rows wait on the disk and come back as they were, in their order."""

import pytest

from tagalign.data.annotations.spool import Spool


def test_rows_come_back_by_their_key():
    spool = Spool()
    rows = [{"a": [1, 2.5, None, True]}, "ca\ud800t", [10**30, float("inf")], ("x", "é" * 1000)]
    for row in rows:
        spool.add("one", row)
        spool.add("other", [row])
    assert list(spool.rows("other")) == [[row] for row in rows]
    spool.add("one", "behind what was read")
    assert list(spool.rows("one")) == [*rows, "behind what was read"]
    assert (list(spool), len(spool), list(spool.rows("none"))) == (["one", "other"], 2, [])
    spool.close()


def test_a_row_without_an_end_is_refused():
    row = []
    for _ in range(100_000):
        row = [row]
    with pytest.raises(ValueError, match="deep"):
        Spool().add("one", row)
