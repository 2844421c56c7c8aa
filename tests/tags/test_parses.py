"""Tags of a caption by kind."""

import pytest

from tagalign.tags.parses import KINDS, ParsedCaption


def test_every_kind_is_its_own_column():
    found = ParsedCaption(objects=("car",), attributes=("red",), scenes=("street",), actions=("ride",))
    assert {kind: found.tags(kind) for kind in KINDS} == {
        "object": ("car",), "attribute": ("red",), "scene": ("street",), "action": ("ride",),
    }  # fmt: skip


def test_an_empty_parse_has_no_tags_and_no_error():
    empty = ParsedCaption()
    assert all(empty.tags(kind) == () for kind in KINDS)
    assert empty.error is None
    assert empty == ((), (), (), (), (), (), None)


def test_pairs_and_relations_are_no_kind_of_tag():
    for name in ("pairs", "relations", "objects", "error"):
        with pytest.raises(KeyError):
            ParsedCaption().tags(name)
