"""Tables of tags: what we write, what spreadsheets make of it, and files that are none."""

import contextlib
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotation_toys import read_all

from tagalign.data.annotations.formats import READERS
from tagalign.errors import DataError
from tagalign.export.records import Annotated
from tagalign.export.tables import write_tags_csv, write_tags_parquet
from tagalign.types import Tagging

NAMES = ("cat", "red, old 'car'", "=1+1", "写真", "a\nb")


def images():
    """The second has no tags."""
    for name, chosen in (('day 1/a, "b".jpg', (0, 1, 2)), ("b.jpg", ()), ("=c 写.jpg", (4, 3))):
        tagging = Tagging(names=NAMES, scores=(0.9, 0.8, 0.7, 0.6, 0.5), chosen=chosen)
        yield Annotated(file_name=name, size=(4, 6), tagging=tagging)


EXPECTED = {'day 1/a, "b".jpg': NAMES[:3], "b.jpg": (), "=c 写.jpg": (NAMES[4], NAMES[3])}


def test_parquet_comes_back_whole(tmp_path):
    write_tags_parquet(tmp_path / "a.parquet", images())
    photos, source = read_all("table", tmp_path / "a.parquet")
    assert {name: photo.tags for name, photo in photos.items()} == EXPECTED
    assert all(photo.given == photo.tags for photo in photos.values())
    assert set(source.names) == set(NAMES)
    assert not source.told.counts


def test_csv_comes_back_but_for_photos_without_a_tag(tmp_path):
    write_tags_csv(tmp_path / "a.csv", images())
    photos, source = read_all("table", tmp_path / "a.csv")
    # ./ is the same file, and no formula
    assert {name.removeprefix("./"): photo.tags for name, photo in photos.items()} == {
        name: tags for name, tags in EXPECTED.items() if tags
    }
    assert not source.told.counts


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("image,tag,score\na.jpg,cat,0.5\nb.jpg,,\na.jpg,é,\n", "utf-8"),
        ("image;tag;score\r\na.jpg;cat;0,5\r\nb.jpg;;\r\na.jpg;é;\r\n", "utf-8-sig"),
        ("image\ttag\tscore\na.jpg\tcat\t0.5\nb.jpg\t\t\na.jpg\té\t\n", "utf-16"),
        ("\n".join(["tag,image,score,note", "cat,a.jpg,0.5,x", ",b.jpg,,", "", "é,a.jpg", ""]), "utf-8"),
    ],
)
def test_tables_of_spreadsheets(tmp_path, text, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    photos, source = read_all("table", path)
    assert {name: photo.tags for name, photo in photos.items()} == {"a.jpg": ("cat", "é"), "b.jpg": ()}
    assert photos["a.jpg"].given == ("cat",), "what has no score was written by a person"
    assert not source.told.counts


def test_the_table_of_a_tag_run(tmp_path):
    with gzip.open(tmp_path / "tags.csv.gz", "wt", encoding="utf-8") as file:
        file.write("key,tags,cat,dog,doubt:margin\ncaf\\xe9.jpg,cat|red dog,0.5,0.4,\nb.jpg,,0.1,0.1,\n")
    photos, _ = read_all("table", tmp_path / "tags.csv.gz")
    assert {name: photo.tags for name, photo in photos.items()} == {
        "caf\udce9.jpg": ("cat", "red dog"),
        "b.jpg": (),
    }


def test_photos_without_a_line_are_empty_where_that_is_meant(tmp_path):
    (tmp_path / "a.csv").write_text("image,tag\na.jpg,cat\n,dog\n")
    about = {"place_of": str, "places": lambda: ["a.jpg", "b.jpg"]}
    photos, source = read_all("table", tmp_path / "a.csv", missing_is_empty=True, **about)
    assert photos["b.jpg"].tags == ()
    assert source.told.counts["left out: lines without a photo"] == 1


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.csv", b"", "expected columns image and tag .* got none"),
        ("a.csv", b"name,label\na,b\n", "got name, label"),
        ("a.csv", b"image,tag\na.jpg\n", "a line of 1 cells"),
        ("a.csv", b'image,tag\na.jpg,"cat\n', "could not read it"),
        ("a.csv", b"image,tag\na.jpg," + b"x" * 200_000, "field limit"),
        # no time in it: its name must be the same in every process that collects it
        ("a.csv.gz", gzip.compress(b"image,tag\na.jpg,cat\n", mtime=0)[:-9], "could not read it"),
        ("a.csv", b"PK\x03\x04rest", "a ZIP archive or a spreadsheet's own format"),
        ("a.parquet", b"PAR1 and no more", "could not read it"),
        ("a.parquet", b"", "could not read it"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, name, content, match):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=match) as refused:
        read_all("table", tmp_path / name)
    assert "\n" not in str(refused.value)


def test_columns_of_another_kind_are_refused(tmp_path):
    pq.write_table(pa.table({"image": ["a.jpg"], "tags": [[1, 2]]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="expected texts in image and tags"):
        read_all("table", tmp_path / "a.parquet")


def test_a_table_is_known_by_its_ending(tmp_path):
    for name in ("a.csv", "A.CSV", "a.csv.gz", "a.parquet", "a.json"):
        (tmp_path / name).write_bytes(b"")
    entry = READERS["table"]
    assert [entry.looks_like(tmp_path / name) for name in ("a.csv", "A.CSV", "a.csv.gz", "a.parquet")] == [
        True
    ] * 4
    assert not entry.looks_like(tmp_path / "a.json")
    assert not entry.looks_like(tmp_path)


def test_a_packed_table_whose_bytes_are_damaged_is_one_line(tmp_path):
    """Each byte of the file in turn: Python's own errors of packing are of four kinds."""
    packed = gzip.compress(b"image,tag\n" + b"a.jpg,cat\n" * 20)
    path = tmp_path / "a.csv.gz"
    for place in range(len(packed)):
        path.write_bytes(packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :])
        with contextlib.suppress(DataError):
            read_all("table", path)
