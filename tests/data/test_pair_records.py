"""A row becomes a pair, or says in one of a few words why it cannot."""

from pathlib import Path

import pytest

from tagalign.data.pair_records import BrokenPairError, ShardRef, pair_of
from tagalign.tags.captions import BadRow, CaptionRow

FOLDER = Path("pairs")


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (b"\xff\xd8", b"\xff\xd8"),
        (" a/b.jpg ", FOLDER / "a/b.jpg"),
        ({"bytes": b"x", "path": "y.jpg"}, b"x"),
        ({"bytes": None, "path": "y.jpg"}, FOLDER / "y.jpg"),
        ("/elsewhere/b.jpg", Path("/elsewhere/b.jpg")),
    ],
)
def test_bytes_paths_and_what_data_sets_store(image, found):
    pair = pair_of(CaptionRow("k", "a dog", image), "x.tar:k", FOLDER)
    assert (pair.key, pair.caption, pair.image) == ("k", "a dog", found)


@pytest.mark.parametrize("image", [None, b"", "", "  ", "a\0b", {}, {"bytes": b"", "path": ""}, 3])
def test_no_image(image):
    with pytest.raises(BrokenPairError, match=r"x\.tar:k: no image") as caught:
        pair_of(CaptionRow("k", "a dog", image), "x.tar:k", FOLDER)
    assert caught.value.reason == "no image"


def test_a_bad_row_keeps_its_reason():
    with pytest.raises(BrokenPairError, match=r"x.tar:k: its JSON is broken: no caption") as caught:
        pair_of(BadRow("k", "its JSON is broken", "no caption"), "x.tar:k", FOLDER)
    assert caught.value.reason == "no caption"


def test_pieces_of_a_collection_have_an_order():
    refs = [
        ShardRef(path=Path("b"), kind="tar"),
        ShardRef(path=Path("a"), kind="tar", start=5),
        ShardRef(path=Path("a"), kind="tar"),
    ]
    assert [(str(ref.path), ref.start, ref.end) for ref in sorted(refs)] == [
        ("a", 0, -1),
        ("a", 5, -1),
        ("b", 0, -1),
    ]
