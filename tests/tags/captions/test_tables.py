"""CSV and TSV: what Python's own writer wrote comes back, and a broken record costs itself alone.

Holds ``tags/captions/csv_records.py``.
"""

import csv
import random

import pytest

from tagalign.errors import DataError
from tagalign.tags.captions import BadRow, read_captions
from tagalign.tags.captions.rows import MAX_CAPTION


def read(path, **columns):
    """Good rows as ``(key, caption)``, and the places of the bad ones."""
    rows = list(read_captions(path, **columns))
    good = [row[:2] for row in rows if not isinstance(row, BadRow)]
    return good, [row.place for row in rows if isinstance(row, BadRow)]


def test_a_quote_in_a_tsv_means_nothing(tmp_path):
    (tmp_path / "a.tsv").write_text('key\tcaption\nk1\ta cat\nk2\t"Sunset\nk3\ta "big" dog\r\nk4\t"a cow"\n')
    found = [("k1", "a cat"), ("k2", '"Sunset'), ("k3", 'a "big" dog'), ("k4", '"a cow"')]
    assert read(tmp_path / "a.tsv") == (found, [])


def test_cc3m_order_without_a_header_keeps_every_address_apart(tmp_path):
    (tmp_path / "a.tsv").write_text(
        '"Sunset\thttp://x/1.jpg\na dog\thttp://x/2.jpg\n"Moon"\thttp://x/3.jpg\n'
    )
    good, bad = read(tmp_path / "a.tsv", caption_column="0", key_column="1")
    assert good == [("http://x/1.jpg", '"Sunset'), ("http://x/2.jpg", "a dog"), ("http://x/3.jpg", '"Moon"')]
    assert not bad


@pytest.mark.parametrize(
    ("lines", "keys", "bad"),
    [
        (['k1,"Sunset', "k2,a dog", "k3,a cat"], ["k2", "k3"], ["2"]),  # never closed
        (['k1,"Sunset', "k2,a dog", 'k3,"a cat"'], ["k2", "k3"], ["2"]),  # closed by another record's quote
        (['k1,"Sunset', "k2,a dog", 'k3,"Moon', "k4,a cat"], ["k2", "k4"], ["2", "4"]),
        (['k1,"two', 'lines"', "k2,a dog"], ["k1", "k2"], []),  # what CSV allows
        (['k1,"Sunset" by the sea', "k2,a dog"], ["k1", "k2"], []),  # quotes of a writer that knows none
        (['k1,5" pipe', 'k2,a 6" pipe'], ["k1", "k2"], []),
        # swallowed at legal width: every further line is a record of its own
        (['k1,"Sunset', "k2,a dog", "k3,a cat", 'k4,Moon"', "k5,a cow"], ["k2", "k3", "k4", "k5"], ["2"]),
        (['k1,"roses, red', 'violets, blue"', "k2,a dog"], ["k1", "k2"], []),  # a poem: blanks behind commas
        (['k1,"a, b', "c", 'd,e"', "k2,a dog"], ["k1", "k2"], []),  # one line of it is no record
        (['k1,"dogs,cats', 'cows,cars"', "k2,a dog"], ["k1", "k2"], []),  # lists: nothing there is like a key
        (["k1,a dog", "key,caption", "\ufeffkey,caption", "k2,a cat"], ["k1", "k2"], []),  # files joined
        (["k1,a dog,b", "k2,a cat"], ["k2"], ["2"]),  # a comma without quotes: the caption would be cut
        (["k1", "k2,a cat", "", ","], ["k2"], ["2"]),
        (['k1,"' + "x" * MAX_CAPTION + 'y"', "k2,a cat"], ["k2"], ["2"]),  # a cell over the limit
        (['k1,"' + "x" * 200_000 + '"', "k2,a cat"], ["k2"], ["2"]),  # over the limit of the csv module too
    ],
)
def test_a_broken_csv_row_costs_itself_alone(tmp_path, lines, keys, bad):
    (tmp_path / "a.csv").write_text("key,caption\n" + "\n".join(lines) + "\n")
    good, places = read(tmp_path / "a.csv")
    assert ([key for key, _ in good], places) == (keys, bad)


def test_a_quote_that_swallows_ten_thousand_rows_costs_one(tmp_path):
    """It is closed at the very end, so the csv module believes it; its lines look like records."""
    lines = ["key,caption", 'k,"Sunset', *(f"k{i},a dog" for i in range(10_000)), 'z,the end"']
    (tmp_path / "a.csv").write_text("\n".join(lines))
    good, places = read(tmp_path / "a.csv")
    assert len(good) == 10_001  # 'the end"' is a caption too
    assert places == ["2"]


@pytest.mark.parametrize("seed", range(5))
def test_what_the_csv_module_writes_comes_back(tmp_path, seed):
    rng = random.Random(seed)
    words = ["dog", '"', ",", ";", "\n", "a\nb", '""', "'", "é", "|"]
    rows = [(f"k{i}", f"x{''.join(rng.choices(words, k=6))}x") for i in range(200)]
    for delimiter in ",;\t":
        with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows([("key", "caption"), *rows])
        assert read(tmp_path / "a.csv") == (rows, [])


def test_headers_of_spreadsheets(tmp_path):
    for head in ("\ufeffKey;CAPTION", "sep=;\nkey;caption", ' "key" ; "Caption "'):
        (tmp_path / "a.csv").write_text(
            head.replace(' "key" ; "Caption "', '"key";"Caption "') + "\nk;a dog\n"
        )
        assert read(tmp_path / "a.csv") == ([("k", "a dog")], [])
    (tmp_path / "b.tsv").write_text('"key"\t"caption"\n"k"\t"a ""big"" dog"\n')  # every cell in quotes
    assert read(tmp_path / "b.tsv") == ([("k", 'a "big" dog')], [])


@pytest.mark.parametrize(
    ("text", "captions"),
    [
        ('key,caption\nk1,"a \\"big\\" dog"\nk2,"a, \\"b\\""\n', ['a "big" dog', 'a, "b"']),  # Spark, MySQL
        ('key,caption\nk1,"the end \\""\nk2,"x"\n', ['the end "', "x"]),
        ('key, caption\nk1, "a, dog"\nk2, a cat\n', ["a, dog", "a cat"]),  # as people write lists
        ("\n\r\nkey,caption\nk1,a dog\n", ["a dog"]),
        ("caption,id,key\na dog,7,k1\n", ["a dog"]),
        ("key|caption\nk1|a dog, a cat\n", ["a dog, a cat"]),
    ],
)
def test_what_other_programs_write(tmp_path, text, captions):
    (tmp_path / "a.csv").write_text(text, newline="")
    assert [caption for _, caption in read(tmp_path / "a.csv")[0]] == captions


def test_rows_without_a_header_do_not_swallow_each_other(tmp_path):
    (tmp_path / "a.csv").write_text('k0,a cow\nk1,"Sunset\nk2,a dog\nk3,Moon"\nk4,a cat\n')
    good, bad = read(tmp_path / "a.csv", caption_column="1", key_column="0")
    assert [key for key, _ in good] == ["k0", "k2", "k3", "k4"]
    assert bad == ["2"]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet"])
def test_two_columns_of_one_name_are_refused(tmp_path, name):
    mark = "\t" if name == "a.tsv" else ","
    (tmp_path / name).write_text(mark.join(["key", "caption", "caption"]) + "\n" + mark.join("kab") + "\n")
    if name == "a.parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table([["k"], ["a"], ["b"]], names=["key", "caption", "caption"]), tmp_path / name)
    with pytest.raises(DataError, match="two columns called 'caption'; rename one"):
        read(tmp_path / name)


def test_missing_columns_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("id,text\n1,a dog\n")
    with pytest.raises(DataError, match=r"a\.csv has the columns id, text, none of them is 'caption'"):
        read(tmp_path / "a.csv")
    with pytest.raises(DataError, match="none of them is 'name'"):
        read(tmp_path / "a.csv", caption_column="text", key_column="name")
    assert read(tmp_path / "a.csv", caption_column="text", key_column="id") == ([("1", "a dog")], [])
