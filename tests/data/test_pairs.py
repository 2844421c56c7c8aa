"""Every container gives the same pairs; broken ones are named by reason and nothing else is lost.

Holds ``data/table_shards.py``, ``data/folder_shard.py`` and ``data/tar_shard.py``.
"""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagalign.data import table_shards
from tagalign.data.pairs import find_shards, open_shard, read_pairs
from tagalign.errors import DataError, InputError
from tagalign.tags.captions import CaptionRow, read_captions

from .collections import jpeg, sample, write_tar, write_tars


def as_rows(inputs, reasons=None):
    broken = None if reasons is None else lambda error: reasons.append(error.reason)
    pairs = read_pairs(inputs, on_broken=broken)
    return [
        (p.key, p.image if isinstance(p.image, bytes) else p.image.read_bytes(), p.caption) for p in pairs
    ]


def test_all_containers_hold_the_same_pairs(tmp_path):
    expected = [(f"{n:09d}", jpeg(n), f"caption {n}") for n in range(6)]
    write_tars(tmp_path / "tars", shards=2, per_shard=3)
    folder = tmp_path / "folder"
    folder.mkdir()
    for key, image, caption in expected:
        (folder / f"{key}.jpg").write_bytes(image)
        (folder / f"{key}.txt").write_text(caption + "\n")
    lines = "".join(
        json.dumps({"key": key, "image": f"folder/{key}.jpg", "caption": caption}) + "\n"
        for key, _, caption in expected
    )
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    keys, images, captions = zip(*expected, strict=True)
    table = pa.table({"key": keys, "image": pa.array(images, pa.binary()), "caption": captions})
    pq.write_table(table, tmp_path / "c.parquet", row_group_size=4)
    for name in ("tars", "folder", "a.jsonl", "b.jsonl.gz", "c.parquet"):
        assert as_rows([tmp_path / name]) == expected, name
    assert as_rows([f"{tmp_path}/tars/{{00000..00001}}.tar"]) == expected
    assert as_rows([f"{tmp_path}/tars/*1.tar"]) == expected[3:]


def test_a_jsonl_file_is_cut_into_pieces_without_losing_or_doubling_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(table_shards, "PIECE", 100)
    lines = [json.dumps({"key": str(n), "image": "x.jpg", "caption": "c" * (n % 50 + 1)}) for n in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))  # no line break at the end
    refs = find_shards([tmp_path / "a.jsonl"])
    keys = [s.pair(i).key for s in map(open_shard, refs) for i in range(len(s))]
    assert keys == [str(n) for n in range(40)]
    assert len(refs) > 10


@pytest.mark.parametrize("kind", ["csv", "tsv"])
@pytest.mark.parametrize("piece", [7, 40, 100])
def test_a_table_is_cut_where_records_begin(tmp_path, monkeypatch, kind, piece):
    """Rows of several lines, quotes that are never closed, blank lines: the pieces hold what the whole file holds."""
    mark, path = {"csv": ",", "tsv": "\t"}[kind], tmp_path / f"a.{kind}"
    captions = [
        "a dog", '"two\nlines, and ""more"""', '"Sunset', "", "caf\u00e9", '5" pipe', '"a\n\n\n,x"', "c" * 60
    ] * 4  # fmt: skip
    lines = [f"{n}{mark}x.jpg{mark}{caption}\r\n" for n, caption in enumerate(captions)]
    path.write_text(
        f"\ufeffKey{mark}image{mark}caption\r\n\r\n" + "".join(lines), encoding="utf-8", newline=""
    )
    whole = [row[:2] for row in read_captions(path) if isinstance(row, CaptionRow)]
    monkeypatch.setattr(table_shards, "PIECE", piece)
    refs = find_shards([path])
    rows = [shard.row(i) for shard in map(open_shard, refs) for i in range(len(shard))]
    assert [row[:2] for row in rows if isinstance(row, CaptionRow)] == whole
    assert len(whole) >= 20
    assert len(refs) > 5


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_and_packing_do_not_change_pairs(tmp_path, monkeypatch, packing, encoding):
    monkeypatch.setattr(table_shards, "PIECE", 30)
    for kind, text in (
        (
            "jsonl",
            '{"key": 1, "image": "a.jpg", "caption": "caf\u00e9"}\r\n{"image": "b.jpg", "caption": "x"}\r\n',
        ),
        ("csv", "key,image,caption\r\n1,a.jpg,caf\u00e9\r\n,b.jpg,x\r\n"),
        ("tsv", "key\timage\tcaption\r\n1\ta.jpg\tcaf\u00e9\r\n\tb.jpg\tx\r\n"),
    ):
        content = text.encode(encoding)
        path = tmp_path / f"a.{kind}{packing}"
        path.write_bytes(gzip.compress(content) if packing else content)
        found = [(pair.key, pair.image, pair.caption) for pair in read_pairs([path])]
        assert found == [("1", tmp_path / "a.jpg", "caf\u00e9"), ("b.jpg", tmp_path / "b.jpg", "x")], (
            path.name
        )


def test_images_inside_of_parquet_have_keys_by_row_across_row_groups(tmp_path):
    table = pa.table({"image": pa.array([b"1", b"2", b"3"], pa.binary()), "caption": ["a", "b", "c"]})
    pq.write_table(table, tmp_path / "p.parquet", row_group_size=2)
    keys = [row.key for row in read_captions(tmp_path / "p.parquet")]
    assert keys == ["p:1", "p:2", "p:3"]
    assert [pair.key for pair in read_pairs([tmp_path / "p.parquet"])] == keys


def test_keys_and_captions_fall_back(tmp_path):
    record = json.dumps({"caption": "from json"}).encode()
    write_tar(
        tmp_path / "a.tar",
        [("dir/7", {"jpg": jpeg(1), "json": record}), ("x.y", {"png": jpeg(2), "txt": b" b "})],
    )
    reasons = []
    assert [(k, c) for k, _, c in as_rows([tmp_path / "a.tar"], reasons)] == [("dir/7", "from json")]
    assert reasons == ["no caption"]  # ``x.y.txt``: for WebDataset the key ends at the first dot
    (tmp_path / "b.jsonl").write_text(json.dumps({"image": "a/b.jpg", "caption": "c"}))
    shard = open_shard(find_shards([tmp_path / "b.jsonl"])[0])
    assert shard.pair(0).key == "a/b.jpg"
    assert shard.pair(0).image == tmp_path / "a/b.jpg"


def test_broken_samples_are_named_by_reason(tmp_path):
    samples = [
        sample(0),
        ("1", {"jpg": jpeg(1)}),
        ("2", {"txt": b"a caption"}),
        ("3", {"jpg": jpeg(3), "txt": b"  "}),
        ("4", {"jpg": jpeg(4), "json": b"{broken"}),
        sample(5),
    ]
    write_tar(tmp_path / "a.tar", samples)
    reasons = []
    assert [key for key, _, _ in as_rows([tmp_path / "a.tar"], reasons)] == ["000000000", "000000005"]
    assert sorted(reasons) == ["no caption", "no caption", "no caption", "no image"]


@pytest.mark.parametrize("off", [0, 512, 700, 1500, 2048])
def test_a_cut_off_tar_keeps_what_is_whole(tmp_path, off):
    path = write_tar(tmp_path / "a.tar", [sample(n) for n in range(10)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + off])
    with pytest.warns(UserWarning, match="cut off after"):
        keys = [key for key, _, _ in as_rows([path], [])]
    assert keys == [f"{n:09d}" for n in range(len(keys))]
    assert 3 <= len(keys) < 7


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tar", b"", "0 bytes"),
        ("a.tar", b"no tar at all" * 100, "not a plain tar"),
        ("b.tar", b"\x1f\x8b no tar at all" * 100, "packed with gzip"),
        ("a.parquet", b"PAR1 no", "cannot be read as Parquet"),
    ],
)
def test_unreadable_shards_say_what_is_wrong(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_pairs([tmp_path / name]))


def test_tars_win_over_the_logs_beside_them(tmp_path):
    write_tars(tmp_path, shards=1, per_shard=2)
    pq.write_table(pa.table({"url": ["x"]}), tmp_path / "00000.parquet")
    with pytest.warns(UserWarning, match=r"1 files \(00000\.parquet, \.\.\.\) beside tars .* left out"):
        assert [ref.kind for ref in find_shards([tmp_path])] == ["tar"]


def test_wrong_inputs_are_refused(tmp_path):
    with pytest.raises(InputError, match="no tar, table, text file or photo with a caption in this folder"):
        find_shards([tmp_path])
    with pytest.raises(InputError, match="no such file, and no file matches"):
        find_shards([tmp_path / "x" / "*.tar"])
    (tmp_path / "a.xml").write_text("x")
    with pytest.raises(InputError, match=r"a\.xml: cannot tell what this file holds; expected .*\.tar"):
        find_shards([tmp_path / "a.xml"])
    (tmp_path / "a.txt").write_text("a dog")
    with pytest.raises(InputError, match=r"a\.txt: a text file holds captions alone; pairs come in tars"):
        find_shards([tmp_path / "a.txt"])
    pq.write_table(pa.table({"url": ["x"], "caption": ["y"]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="no column 'image'"):
        list(read_pairs([tmp_path / "b.parquet"]))
