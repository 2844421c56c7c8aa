"""Shares of a batch: together the processes have every row once."""

import pytest

from tagalign.data.processes import Processes
from tagalign.errors import InputError


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_processes_have_every_row_once(size):
    rows = [i for rank in range(size) for i in range(8)[Processes(rank=rank, size=size).own_rows(8)]]
    assert rows == list(range(8))
    assert Processes(size=size).own_share(8) == 8 // size


@pytest.mark.parametrize(("size", "batch", "least"), [(2, 3, 1), (2, 2, 2), (1, 1, 2), (3, 0, 1)])
def test_a_batch_that_cannot_be_shared_is_refused(size, batch, least):
    with pytest.raises(InputError, match=rf"batch_size {batch} cannot be shared by {size} process\(es\)"):
        Processes(size=size).own_share(batch, least=least)
