"""Tables of tags, whatever the photos are called: every row comes back to its photo, in every format."""

import csv
import json
import os

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.tasks.photos.rows import read_rows
from tagalign.tasks.photos.tars import source_of

NAMES = (
    b"caf\xe9.png", "café.png".encode(), "cafe\u0301.png".encode(), b"a\nb.png", b"a\r\nb.png", b"a\tb.png", b'a"b.png', 
    b"a,b;c.png", b"=cmd|' C calc'!A0.png", b"=1+1.png", b"+1.png", b"-x.png", b"@2x.png", b" lead.png",
    b"a\\x41.png", b"a|b.png", "長靴🐕.png".encode(), b"'quoted'.png", b"\xff\xfe.png", b"a\x0bb.png", b"a\xe2\x80\xa8b.png",
)  # fmt: skip
"""No UTF-8, two Unicode forms, line ends (also U+2028), tabs, quotes, delimiters, formulas, what our own keys look like."""
LABELS = "dog,=1+1,-1 degree"


@pytest.fixture(scope="module")
def tagged(tmp_path_factory, clip_folder):
    """A folder of such names, each photo of its own size, and its tags as ``tags.csv`` and ``tags.jsonl``."""
    root = tmp_path_factory.mktemp("names")
    (root / "photos").mkdir()
    for i, name in enumerate(NAMES):
        Image.new("RGB", (20 + i, 24), (9 * i, 255 - 9 * i, 40)).save(root / "photos" / os.fsdecode(name))
    flags = [
        "--labels",
        LABELS,
        "--model",
        str(clip_folder),
        "--method",
        "clip",
        "--device",
        "cpu",
        "--no-summary",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root / "photos")  # so that keys begin with the names themselves
        for kind in ("csv", "jsonl"):
            assert main(["tag", "*.png", *flags, "--format", kind, "--out", str(root / kind)]) == 0
    return root


def sizes(root, keys):
    """Widths of the photos that the keys lead to, as a reader of the table would open them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root / "photos")
        return [source_of(key).open().width for key in keys]


def read_csv(path):
    """Rows as dictionaries."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scores_of(root):
    """By width of the photo: the scores in Parquet, which hold keys as they are."""
    rows = list(read_rows(sorted((root / "csv/tags").glob("*.parquet"))))
    assert len(rows) == len(NAMES)
    return {row["size"][1]: row["scores"] for row in rows}


def test_csv_leads_back_and_holds_no_formula(tagged):
    rows = read_csv(tagged / "csv/tags.csv")
    widths = sizes(tagged, [row["key"] for row in rows])
    assert sorted(widths) == [20 + i for i in range(len(NAMES))]
    expected = scores_of(tagged)
    for width, row in zip(widths, rows, strict=True):
        # six digits are written
        assert [float(row[name]) for name in ("dog", "'=1+1", "'-1 degree")] == pytest.approx(
            expected[width], rel=1e-5
        )
    lines = (tagged / "csv/tags.csv").read_bytes().split(b"\r\n")
    assert len(lines) == len(NAMES) + 2  # the head, and nothing behind the last line end
    assert not [
        line for line in lines if line[:1] in (b"=", b"+", b"-", b"@") or line[:2] in (b'"=', b'"+', b'"-')
    ]


def test_json_lines_lead_back(tagged):
    rows = [json.loads(line) for line in (tagged / "jsonl/tags.jsonl").read_bytes().split(b"\n")[:-1]]
    widths = sizes(tagged, [row["key"] for row in rows])
    assert widths == [row["size"][1] for row in rows]
    expected = scores_of(tagged)
    for width, row in zip(widths, rows, strict=True):
        assert list(row["scores"].values()) == pytest.approx(expected[width], abs=1e-6)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_exported_tables_lead_back(ending, tagged, tmp_path):
    out = tmp_path / f"tags.{ending}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tagged / "photos")
        assert main(["export", "table", str(tagged / "csv"), "--photos", ".", "--out", str(out)]) == 0
    if ending == "parquet":
        keys = [row["image"] for row in pq.read_table(out).to_pylist()]
    else:
        rows = read_csv(out)
        keys = list(dict.fromkeys(row["image"] for row in rows))
        assert {row["tag"] for row in rows} <= {"dog", "'=1+1", "'-1 degree"}
    assert sorted(sizes(tagged, keys)) == [20 + i for i in range(len(NAMES))]
