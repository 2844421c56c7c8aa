import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import DataError
from tagalign.export.masks import save_mask
from tagalign.export.results import read_results
from tagalign.tasks.label_rows import MASK_SCHEMA, TAG_SCHEMA, mask_row, tag_row, write_rows

from .blobs import NAMES, annotated


def write_names(folder: Path, names: tuple[str, ...] = NAMES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({"labels": list(names)}))


def test_masks_of_the_segment_verb_come_back(tmp_path: Path) -> None:
    image = annotated(0)
    write_names(tmp_path / "masks")
    save_mask(tmp_path / "masks" / "a.png", image.segmentation.labels, 4)
    Image.new("RGB", (3, 3)).save(tmp_path / "masks" / "a.overlay.png")
    (tmp_path / "photos" / "day").mkdir(parents=True)
    (tmp_path / "photos" / "day" / "a.jpg").touch()
    (found,) = read_results(tmp_path / "masks", photos=tmp_path / "photos")
    assert (found.file_name, found.size) == ("day/a.jpg", image.size)
    np.testing.assert_array_equal(found.segmentation.labels, image.segmentation.labels)
    assert found.segmentation.names == NAMES


def test_without_photos_a_mask_keeps_its_name(tmp_path: Path) -> None:
    write_names(tmp_path)
    save_mask(tmp_path / "a.png", annotated(0).segmentation.labels, 4)
    assert [found.file_name for found in read_results(tmp_path)] == ["a.png"]


def test_parts_of_masks_come_back(tmp_path: Path) -> None:
    image = annotated(1)
    write_names(tmp_path)
    write_rows(tmp_path / "parts" / "0.parquet", [mask_row("photos/a.jpg", image.segmentation)], MASK_SCHEMA)
    (found,) = read_results(tmp_path, photos=Path("photos"))
    assert found.file_name == "a.jpg"
    np.testing.assert_array_equal(found.segmentation.labels, image.segmentation.labels)


def test_parts_of_tags_come_back(tmp_path: Path) -> None:
    image = annotated(1)
    write_names(tmp_path, NAMES[1:])
    write_rows(tmp_path / "parts" / "0.parquet", [tag_row("a.jpg", (60, 80), image.tagging)], TAG_SCHEMA)
    (found,) = read_results(tmp_path)
    assert found.tagging.tags == image.tagging.tags
    assert found.tagging.scores == pytest.approx(image.tagging.scores)


def test_damaged_and_foreign_folders_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"settings\.json is missing"):
        list(read_results(tmp_path))
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(DataError, match="expected a list of labels"):
        list(read_results(tmp_path))
    write_names(tmp_path)
    with pytest.raises(DataError, match=r"no masks .* and no tags"):
        list(read_results(tmp_path))
    (tmp_path / "a.png").write_bytes(b"text")
    with pytest.raises(DataError, match="cannot be read as a mask"):
        list(read_results(tmp_path))
    save_mask(tmp_path / "a.png", annotated(0).segmentation.labels + 9, 100)
    with pytest.raises(DataError, match="expected label ids 0 to 3"):
        list(read_results(tmp_path))
    (tmp_path / "a.parquet").write_bytes(b"text")
    with pytest.raises(DataError, match="not a part of a result"):
        list(read_results(tmp_path))
