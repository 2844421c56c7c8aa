"""``tagalign segment --rle``: masks in Parquet parts, PNG on request, and flags that belong together."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.ops.masks import decode_rle
from tagalign.tasks.label_summary import part_files
from tagalign.tasks.photos.rows import read_rows


@pytest.fixture
def segment(clip_folder, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 255, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")

    def call(*flags):
        return main(["segment", str(folder), "--labels", "dog,cat,tree", "--model", str(clip_folder), "--device", "cpu",
                     "--no-cache", "--out", str(tmp_path / "out"), *flags])  # fmt: skip

    return call


@pytest.mark.parametrize("method", ["cls-seg", "gated", "maskclip"])
def test_parts_pngs_and_page(segment, tmp_path, method):
    assert segment("--rle", "--png", "--method", method) == 0
    rows = list(read_rows(part_files(tmp_path / "out", "segment")))
    assert len(rows) == 3
    for row in rows:
        with Image.open(tmp_path / "out" / "png" / f"{Path(row['key']).stem}.png") as file:
            png = np.asarray(file)
        for label, code in zip(row["labels"], row["counts"], strict=True):
            assert np.array_equal(decode_rle(code, tuple(row["size"])).numpy(), png == label)
    assert (tmp_path / "out" / "index.html").exists()


def test_shards_write_into_one_folder(segment, tmp_path):
    assert segment("--rle", "--method", "maskclip", "--shard", "0/2") == 0
    assert segment("--rle", "--method", "maskclip", "--shard", "1/2") == 0
    assert len({row["key"] for row in read_rows(part_files(tmp_path / "out", "segment"))}) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--png",), "belongs to --rle"),
        (("--rle", "--overlay"), "--rle writes"),
        (("--rle", "--json", "--engine", "ray"), "leave out --json"),
    ],
)
def test_flags_that_do_not_go_together(segment, flags, message, capsys):
    try:
        code = segment("--method", "maskclip", *flags)
    except SystemExit as stop:  # a value that a flag refuses is reported by the flag parser
        code = stop.code
    assert code == 2
    captured = capsys.readouterr()
    assert message in captured.err + captured.out
