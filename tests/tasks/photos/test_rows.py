"""Rows come back from Parquet as they went in, masks pixel by pixel."""

import json

import numpy as np
import pytest
import torch

from tagalign.ops.masks import decode_rle
from tagalign.tasks.photos.rows import (
    INSTANCE_SCHEMA,
    MASK_SCHEMA,
    TAG_SCHEMA,
    count_rows,
    instance_columns,
    instance_rows,
    mask_row,
    read_rows,
    size_of,
    tag_row,
    write_rows,
)
from tagalign.types import Instance, Segmentation, Tagging


def segmentation(*, instances=None):
    labels = torch.randint(0, 3, (6, 8), generator=torch.Generator().manual_seed(0)) * 2
    return Segmentation(
        labels=labels, names=("a", "b", "c", "d", "e"), scores=torch.ones(6, 8), instances=instances
    )


def instance():
    inside = torch.ones(2, 3, dtype=torch.bool)
    return Instance(label=4, name="e", score=0.123456789, box=(1, 2, 4, 4), inside=inside, size=(6, 8))


def test_tags(tmp_path):
    tagging = Tagging(names=("a", "b", "c"), scores=(0.25, 0.75, 0.5), chosen=(1, 2))
    row = tag_row("k.png", (6, 8), tagging)
    write_rows(tmp_path / "t.parquet", [row], TAG_SCHEMA)
    (found,) = read_rows([tmp_path / "t.parquet"])
    assert (found["key"], found["tags"], found["tag_scores"]) == ("k.png", ["b", "c"], [0.75, 0.5])
    assert found["scores"] == [0.25, 0.75, 0.5]
    assert size_of(found) == (6, 8)


def test_masks_and_instances(tmp_path):
    found = segmentation(instances=(instance(),))
    row = mask_row("k.png", found) | instance_columns(found)
    write_rows(tmp_path / "m.parquet", [row], INSTANCE_SCHEMA)
    (read,) = read_rows([tmp_path / "m.parquet"])
    assert read["labels"] == [0, 2, 4]
    assert read["names"] == ["a", "c", "e"]
    for label, code in zip(read["labels"], read["counts"], strict=True):
        np.testing.assert_array_equal(np.asarray(decode_rle(code, (6, 8))), (found.labels == label).numpy())
    assert read["instance_boxes"] == [[1, 2, 4, 4]]
    np.testing.assert_array_equal(
        np.asarray(decode_rle(read["instance_counts"][0], (6, 8))), instance().mask.numpy()
    )


def test_instances_stand_in_json_only_where_they_were_asked_for():
    assert instance_rows(segmentation()) == {}
    assert instance_rows(segmentation(instances=())) == {"instances": []}
    (one,) = instance_rows(segmentation(instances=(instance(),)))["instances"]
    assert (one["name"], one["area"], one["score"], one["box"]) == ("e", 6, 0.123457, [1, 2, 4, 4])
    assert json.loads(json.dumps(one)) == one
    assert instance_columns(segmentation())["instance_labels"] == []


def test_many_rows_come_in_order_and_are_counted_from_footers(tmp_path):
    paths = []
    for part in range(2):
        rows = [mask_row(f"{part}/{i}", segmentation()) for i in range(3)]
        paths.append(tmp_path / f"{part}.parquet")
        write_rows(paths[-1], rows, MASK_SCHEMA)
    assert count_rows(paths) == 6
    assert [row["key"] for row in read_rows(paths, columns=["key"])] == [
        f"{p}/{i}" for p in range(2) for i in range(3)
    ]
    with pytest.raises(FileNotFoundError):
        count_rows([tmp_path / "none.parquet"])
