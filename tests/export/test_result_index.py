from pathlib import Path

import numpy as np
import pytest

from tagalign.errors import DataError
from tagalign.export.masks import save_mask
from tagalign.export.result_index import ResultIndex
from tagalign.tasks.photos.rows import MASK_SCHEMA, TAG_SCHEMA, mask_row, write_rows

from .blobs import NAMES, annotated
from .test_results import photo, write_names, write_run

PART = "part-00000-of-00001-000000.parquet"


def test_masks_of_a_table_are_found_by_key(tmp_path: Path) -> None:
    images = {f"{i}.jpg": annotated(i) for i in range(3)}
    write_names(tmp_path)
    rows = [mask_row(key, image.segmentation) for key, image in images.items()]
    write_rows(tmp_path / "masks" / PART, rows, MASK_SCHEMA)
    index = ResultIndex(tmp_path)
    for key in reversed(images):
        found = index.find(key)
        assert found is not None
        assert (found.file_name, found.size, found.tagging) == (key, images[key].size, None)
        np.testing.assert_array_equal(found.segmentation.labels, images[key].segmentation.labels)
    assert index.find("other.jpg") is None


def test_tags_are_found_by_key(tmp_path: Path) -> None:
    write_names(tmp_path, ("dog", "cat"))
    row = {"key": "a.jpg", "size": [6, 8], "tags": ["cat"], "scores": [0.25, 0.75]}
    write_rows(tmp_path / "tags" / PART, [row], TAG_SCHEMA)
    found = ResultIndex(tmp_path).find("a.jpg")
    assert (found.size, found.tagging.tags, found.tagging.scores) == ((6, 8), ("cat",), (0.25, 0.75))


def test_masks_of_pictures_are_found_by_the_key_of_their_photo(tmp_path: Path) -> None:
    image = annotated(0)
    photos = [photo(tmp_path / "photos" / day / "a.jpg", image.size) for day in ("one", "two")]
    _, second = write_run(tmp_path / "run", *photos, root=tmp_path / "photos")
    save_mask(tmp_path / "run" / f"{second.name}.png", image.segmentation.labels, len(NAMES))
    index = ResultIndex(tmp_path / "run")
    found = index.find(second.key)
    assert found.file_name == second.key
    np.testing.assert_array_equal(found.segmentation.labels, image.segmentation.labels)
    assert index.find(str(photos[0])) is None  # its turn did not come


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    write_names(tmp_path)
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / PART).write_bytes(b"PAR1")
    with pytest.raises(DataError, match=f"{PART}: not a part of a result"):
        ResultIndex(tmp_path)
