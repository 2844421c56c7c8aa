"""The same pairs in eight containers give the same keys, captions, tags and pairs, however and whatever is written.

Holds ``tags/captions/documents.py``, ``tags/captions/folders.py``.
"""

import tarfile
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tagalign.data.pairs import read_pairs
from tagalign.data.tag_table import load_tag_table
from tagalign.tags import TagVocabulary
from tagalign.tags.captions import BadRow, find_sources, read_captions
from tagalign.tags.corpus import CorpusSettings, corpus_shards, parse_corpus
from tagalign.tags.fixed_list import FixedListParser
from tagalign.tags.shards import read_rows

from .writers import KINDS, PACKERS, Form, write_pairs

# names of files: neither dots nor slashes, at most 60 bytes, no blanks at the ends
_NAMES = (
    st.text(st.sampled_from("aB7_- éß長🐕'\"#%&=,;"), min_size=1, max_size=15).map(str.strip).filter(bool)
)
# a TSV cell can hold neither tabs nor line breaks; no container holds half a character or a NUL; a mark of a file at the
# beginning of a line is read over
_TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\r\n\ufeff"), max_size=30
) | st.sampled_from(
    [
        '"Sunset',
        '"',
        'a "big" dog',
        "a dog, two cats",
        "it's;",
        '""',
        "=1+1",
        "[1]",
        "{}",
        "null",
        "\\",
        'x\\"',
    ]
)
_LINES = st.lists(_TEXTS, min_size=1, max_size=3).map("\n".join)  # where containers hold line breaks
_ENDS = st.sampled_from(["dog", "a Cat", "red"])
_FORMS = st.builds(
    Form,
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    packing=st.sampled_from(sorted(PACKERS)),
    shards=st.sampled_from([1, 1, 3]),
    delimiter=st.sampled_from(",;\t|"),
    quote_all=st.booleans(),
    upper=st.booleans(),
    records=st.booleans(),
    apart=st.booleans(),
    format=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)


def _captions(texts):
    return st.tuples(_ENDS, texts).map(lambda two: f"{two[1]} {two[0]}".strip())


def _pairs(texts):
    return st.lists(
        st.tuples(_NAMES, _captions(texts)),
        min_size=1,
        max_size=5,
        unique_by=lambda pair: unicodedata.normalize("NFC", pair[0]).casefold(),
    )


# to make a failure smaller takes many minutes of writing files
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
ENTRIES = [("dog", "object"), ("cat", "object"), ("red", "attribute")]


@settings(max_examples=12, deadline=None, phases=PHASES)
@given(_pairs(_TEXTS), _FORMS)
def test_keys_captions_tags_and_pairs_agree(texts, form):
    check_kinds(texts, form, KINDS)


@settings(max_examples=8, deadline=None, phases=PHASES)
@given(_pairs(_LINES), _FORMS)
def test_captions_of_several_lines_agree_where_they_can_be_written(texts, form):
    check_kinds(texts, form, [kind for kind in KINDS if kind != "tsv"])


def check_kinds(texts, form, kinds):
    pairs = [(key, f"photo {i}".encode(), caption) for i, (key, caption) in enumerate(texts)]
    vocabulary = TagVocabulary.of([(kind, name, 1) for name, kind in ENTRIES])
    for kind in kinds:
        with tempfile.TemporaryDirectory() as name:
            source = write_pairs(Path(name) / kind, pairs, kind, form)
            rows = list(read_all(source))
            assert not [row for row in rows if isinstance(row, BadRow)], kind
            # a folder with folders in it has their names in its keys
            expected = {
                key_in(kind, form, i, key): (image, text) for i, (key, image, text) in enumerate(pairs)
            }
            assert sorted(row[:2] for row in rows) == sorted(
                (key, text) for key, (_, text) in expected.items()
            ), kind
            found = {pair.key: (photo(pair), pair.caption) for pair in read_pairs([source])}
            assert found == expected, kind
            assert tags_of(source, Path(name) / "tags") == {
                k: parsed(text) for k, (_, text) in expected.items()
            }, kind
            table = load_tag_table(Path(name) / "tags", vocabulary)
            assert all(table.find(key, text) == ids(text) for key, (_, text) in expected.items()), kind


def key_in(kind, form, number, key):
    return f"{number % form.shards}/{key}" if kind == "folder" and form.shards > 1 else key


def read_all(source):
    for one in find_sources([source]):
        yield from read_captions(one.path)


def photo(pair):
    return pair.image if isinstance(pair.image, bytes) else pair.image.read_bytes()


def tags_of(source, out):
    """Tags by key of ``parse``."""
    shards = corpus_shards([source], format="parquet")
    parse_corpus(shards, out, FixedListParser(ENTRIES), settings=CorpusSettings())
    return {row.key: row.parse for path in out.glob("*.parquet") for row in read_rows(path)}


def parsed(caption):
    return FixedListParser(ENTRIES).parse([caption])[0]


def ids(caption):
    """Ids of the tags of a caption, by hand: the last word is the tag."""
    parse = parsed(caption)
    return sorted(i for i, (name, _) in enumerate(ENTRIES) if name in parse.objects + parse.attributes)


@pytest.mark.parametrize("kind", KINDS)
def test_without_keys_the_image_is_the_key_and_beside_it_the_name(tmp_path, kind):
    """Records name their image; in tars and folders it is the name without its ending."""
    source = write_pairs(tmp_path / kind, [("000", b"x", "a dog"), ("001", b"y", "a cat")], kind)
    if kind not in ("tar", "folder"):
        text = source.read_bytes() if kind == "parquet" else source.read_text(encoding="utf-8-sig")
        if kind == "parquet":
            import pyarrow.parquet as pq

            pq.write_table(pq.read_table(source).drop_columns(["key"]), source)
        else:
            source.write_text(text.replace("key", "other"))
    ending = "" if kind in ("tar", "folder") else ".jpg"
    keys = [f"000{ending}", f"001{ending}"]
    assert [row.key for row in read_captions(source)] == keys
    assert [pair.key for pair in read_pairs([source])] == keys
