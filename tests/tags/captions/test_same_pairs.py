"""The same pairs in seven containers give the same keys, captions, tags and pairs, whatever their texts hold."""

import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagalign.data.pairs import read_pairs
from tagalign.data.tag_table import load_tag_table
from tagalign.tags import TagVocabulary
from tagalign.tags.captions import BadRow, read_captions
from tagalign.tags.corpus import CorpusSettings, corpus_shards, parse_corpus
from tagalign.tags.fixed_list import FixedListParser
from tagalign.tags.shards import read_rows

from .writers import KINDS, write_pairs

# names of files: neither dots nor slashes, at most 60 bytes, no blanks at the ends
_NAMES = (
    st.text(st.sampled_from("aB7_- éß長🐕'\"#%&=,;"), min_size=1, max_size=15).map(str.strip).filter(bool)
)
# a TSV cell can hold neither tabs nor line breaks; no container holds half a character or a NUL
_TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\r\n"), max_size=30
) | st.sampled_from(
    ['"Sunset', '"', 'a "big" dog', "a dog, two cats", "it's;", '""', "=1+1", "[1]", "{}", "null"]
)
_CAPTIONS = st.tuples(st.sampled_from(["dog", "a Cat", "red"]), _TEXTS).map(
    lambda two: f"{two[1]} {two[0]}".strip()
)
_PAIRS = st.lists(
    st.tuples(_NAMES, _CAPTIONS),
    min_size=1,
    max_size=5,
    unique_by=lambda pair: unicodedata.normalize("NFC", pair[0]).casefold(),
)
ENTRIES = [("dog", "object"), ("cat", "object"), ("red", "attribute")]


@settings(max_examples=25, deadline=None)
@given(_PAIRS)
def test_keys_captions_tags_and_pairs_agree(texts):
    pairs = [(key, f"photo {i}".encode(), caption) for i, (key, caption) in enumerate(texts)]
    vocabulary = TagVocabulary.of([(kind, name, 1) for name, kind in ENTRIES])
    with tempfile.TemporaryDirectory() as name:
        for kind in KINDS:
            source = write_pairs(Path(name) / kind, pairs, kind)
            rows = list(read_captions(source))
            assert not [row for row in rows if isinstance(row, BadRow)], kind
            assert sorted(row[:2] for row in rows) == sorted((key, text) for key, _, text in pairs), kind
            found = [(pair.key, photo(pair), pair.caption) for pair in read_pairs([source])]
            assert sorted(found) == sorted(pairs), kind
            tags = tags_of(source, Path(name) / f"{kind} tags")
            assert tags == {key: parsed(text) for key, _, text in pairs}, kind
            table = load_tag_table(Path(name) / f"{kind} tags", vocabulary)
            assert all(
                table.find(pair.key, pair.caption) == ids(pair.caption) for pair in read_pairs([source])
            ), kind


def photo(pair):
    return pair.image if isinstance(pair.image, bytes) else pair.image.read_bytes()


def tags_of(source, out):
    """Tags by key of ``parse``, in one shard per source."""
    shards = corpus_shards([source], format="parquet")
    assert len(shards) == 1
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
