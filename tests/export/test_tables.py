import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tagalign.errors import InputError
from tagalign.export.records import Annotated
from tagalign.export.tables import write_tags_csv, write_tags_parquet
from tagalign.types import Tagging

from .blobs import annotated


def test_csv_has_one_line_per_chosen_tag(tmp_path: Path) -> None:
    assert write_tags_csv(tmp_path / "a.csv", [annotated(0, 'a, "b".jpg'), annotated(1)]) == 4
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {"image": 'a, "b".jpg', "tag": "cat", "score": "0.9"}
    assert [row["tag"] for row in rows] == ["cat", "tree", "cat", "tree"]


def test_parquet_has_one_row_per_image(tmp_path: Path) -> None:
    bare = Annotated(
        file_name="b.jpg", size=(2, 2), tagging=Tagging(names=("cat",), scores=(0.1,), chosen=())
    )
    assert write_tags_parquet(tmp_path / "a.parquet", [annotated(0), bare]) == 2
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert rows[0]["tags"] == ["cat", "tree"]
    assert rows[0]["scores"] == pytest.approx([0.9, 0.7])
    assert rows[1] == {"image": "b.jpg", "tags": [], "scores": []}


def test_masks_without_tags_are_refused(tmp_path: Path) -> None:
    image = Annotated(file_name="a.jpg", size=(60, 80), segmentation=annotated(0).segmentation)
    with pytest.raises(InputError, match=r"a\.jpg: has masks and no tags"):
        write_tags_csv(tmp_path / "a.csv", [image])
    assert not list(tmp_path.iterdir())
