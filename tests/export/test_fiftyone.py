import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tagalign.errors import InputError
from tagalign.export import fiftyone as export

from .blobs import NAMES, annotated


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """FiftyOne brings a database; its labels are plain records, which is all that is needed here."""
    kinds = {name: SimpleNamespace for name in ("Segmentation", "Classification", "Classifications")}
    monkeypatch.setitem(sys.modules, "fiftyone", SimpleNamespace(**kinds))


@pytest.mark.usefixtures("stand_in")
def test_pixels_and_targets_belong_together() -> None:
    segmentation = annotated(0).segmentation
    mask = export.to_segmentation(segmentation).mask
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, segmentation.labels.numpy())
    assert export.mask_targets(NAMES) == {1: "cat", 2: "dog & <co>", 3: "tree"}


@pytest.mark.usefixtures("stand_in")
def test_without_a_background_ids_start_at_one() -> None:
    segmentation = annotated(0, names=("sky", "cat", "dog", "tree")).segmentation
    np.testing.assert_array_equal(export.to_segmentation(segmentation).mask, segmentation.labels.numpy() + 1)


@pytest.mark.usefixtures("stand_in")
def test_chosen_tags_become_classifications() -> None:
    rows = export.to_classifications(annotated(0).tagging).classifications
    assert [(row.label, row.confidence) for row in rows] == [("cat", 0.9), ("tree", 0.7)]


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(InputError, match="pip install fiftyone"):
        export.to_classifications(annotated(0).tagging)
