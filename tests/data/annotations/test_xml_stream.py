"""XML piece by piece against the standard library's whole tree."""

import time
from xml.etree import ElementTree

import pytest

from tagalign.data.annotations import xml_stream
from tagalign.data.annotations.xml_stream import read_elements, root_of
from tagalign.errors import DataError

TEXT = '<?xml version="1.0"?><r><m><x>1</x></m><i a="&lt;é&gt;">t<b c="2">u</b>v</i><n><i a="no"/></n><i a="3"/></r>'


def same(ours, theirs):
    text = (theirs.text or "") + "".join(child.tail or "" for child in theirs)
    assert (ours.tag, ours.attributes, ours.text) == (theirs.tag, theirs.attrib, text)
    for one, other in zip(ours.children, theirs, strict=True):
        same(one, other)


def test_elements_of_a_path_are_those_of_the_standard_reader(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(TEXT, encoding="utf-8")
    expected = ElementTree.parse(path).getroot().findall("i")
    for chunk in (1, 7, 1000):
        found = list(read_elements(path, ["r/i"], chunk=chunk))
        assert len(found) == 2
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    (whole,) = read_elements(path, ["r"])
    assert whole.text_of("m", "x") == "1"
    assert whole.text_of("m", "y") == ""
    assert root_of(path) == "r"


def test_limits(tmp_path, monkeypatch):
    path = tmp_path / "a.xml"
    path.write_text(TEXT, encoding="utf-8")
    for name, most, text in (
        ("MOST_TEXT", 1, "characters in one"),
        ("MOST_CHILDREN", 2, "elements inside one"),
        ("DEEPEST", 2, "inside each"),
    ):
        with monkeypatch.context() as limits:
            limits.setattr(xml_stream, name, most)
            with pytest.raises(DataError, match=text):
                list(read_elements(path, ["r"]))
    with monkeypatch.context() as limits:
        limits.setattr(xml_stream, "LONGEST_TAG", 20)
        with pytest.raises(DataError, match="one tag has more than 20 bytes"):
            list(read_elements(path, ["r"], chunk=1))
    with pytest.raises(DataError, match="cannot be read"):
        list(read_elements(tmp_path / "none.xml", ["r"]))
    assert root_of(tmp_path / "none.xml") == ""


def test_a_file_without_an_end_of_its_first_tag_is_given_up_soon(tmp_path):
    """A tag that does not close is read again from its beginning with every piece: 3 MB took 13 s."""
    path = tmp_path / "a.xml"
    path.write_bytes(b"<r " + b"x" * 8_000_000)
    begun = time.process_time()
    assert root_of(path) == ""
    assert time.process_time() - begun < 2  # 0.1 s here
