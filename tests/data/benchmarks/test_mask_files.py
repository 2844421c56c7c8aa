"""Ids of masks that a benchmark does not have are refused with those that it has, gaps included."""

from pathlib import Path

import numpy as np
import pytest

from tagalign.data.benchmarks.mask_files import class_table, ids_to_classes
from tagalign.errors import DataError


@pytest.mark.parametrize(
    ("classes", "wrong", "known"),
    [
        ({i: i for i in range(21)}, 22, "0 to 20 and 255"),
        ({0: 0, 1: 1, 3: 2}, 2, "0 to 1, 3 and 255"),
        ({1: 0}, 0, "1 and 255"),
        ({2 * i: i for i in range(50)}, 1, "0, 2, 4, 6, 8 and others up to 255"),
    ],
)
def test_a_wrong_id_is_refused_with_the_ids_there_are(
    classes: dict[int, int], wrong: int, known: str
) -> None:
    with pytest.raises(DataError, match=rf"a\.png: holds id {wrong}, .* \(its ids are {known}\)"):
        ids_to_classes(np.array([[wrong]]), class_table(classes), Path("a.png"))
