"""The highest memory since a moment: what was held and given back counts, what came before does not."""

import mmap

import pytest
import torch

from tagalign.train.loop import memory
from tagalign.train.loop.memory import CLEAR, STATUS, PeakMemory

MIB = 2**20


def hold(size: int) -> None:
    """Touch so much memory and give it back; an allocator would take what it holds already."""
    with mmap.mmap(-1, size) as pages:
        pages[:: mmap.PAGESIZE] = b"x" * (size // mmap.PAGESIZE)


@pytest.mark.skipif(not STATUS.exists() or not CLEAR.exists(), reason="the system tells nothing of a process")
def test_what_was_held_for_a_moment_counts_and_what_came_before_does_not():
    hold(64 * MIB)  # given back before the watch begins
    watch = PeakMemory(torch.device("cpu"))
    start = watch.highest()
    hold(32 * MIB)
    # a page or two of other things may come and go
    assert 31 * MIB <= watch.highest() - start <= 48 * MIB


def test_a_system_that_does_not_tell_gives_none(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "none" / "clear")
    monkeypatch.setattr(memory, "STATUS", tmp_path / "none" / "status")
    assert PeakMemory(torch.device("cpu")).highest() is None
