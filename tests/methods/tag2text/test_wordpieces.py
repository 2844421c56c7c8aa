"""Word pieces against transformers' BERT tokenizer; limits, special names, fitting of tags."""

import pytest
from transformers import BertTokenizer

from tagalign.errors import InputError, ModelError
from tagalign.methods.tag2text.wordpieces import Wordpieces, join_tags


@pytest.mark.parametrize(
    "text",
    ["A picture of the dog!", "dogs | red cat", "Café, 2 trains?", "", "   ", "[SEP] dog [DEC]", "zzz" * 50],
)
def test_rows_are_those_of_bert(tmp_path, wordpieces, text):
    wordpieces_file = tmp_path / "vocab.txt"
    wordpieces.save(wordpieces_file)
    theirs = BertTokenizer.from_pretrained(tmp_path, do_lower_case=True)
    plain = text.replace("[SEP]", "( SEP )").replace(
        "[DEC]", "( DEC )"
    )  # a user's text holds no special tokens
    expected = theirs(plain, add_special_tokens=False)["input_ids"]
    if plain == text:
        assert wordpieces.row(text) == expected
    assert not {wordpieces.sep, wordpieces.dec, wordpieces.enc} & set(wordpieces.row(text))


def test_ids_of_added_tokens_follow_the_file(wordpieces):
    assert (wordpieces.dec, wordpieces.enc) == (len(wordpieces) - 2, len(wordpieces) - 1)
    assert Wordpieces(wordpieces.pieces).pieces == wordpieces.pieces  # a file that has them gets none twice


def test_batch_is_cut_with_its_end_kept_and_padded(wordpieces):
    ids, mask = wordpieces.batch(["dog dog dog dog dog", "cat"], first=wordpieces.enc, max_tokens=5, pad_to=7)
    dog, cat = wordpieces.row("dog")[0], wordpieces.row("cat")[0]
    assert ids.tolist() == [
        [wordpieces.enc, dog, dog, dog, wordpieces.sep, 0, 0],
        [wordpieces.enc, cat, wordpieces.sep, 0, 0, 0, 0],
    ]
    assert mask.sum(dim=1).tolist() == [5, 3]


def test_tags_fit_whole_or_not_at_all(wordpieces):
    tags = ["dog", "green grass", "cat", "red"]  # 1, 2, 1, 1 pieces and a bar between
    assert wordpieces.fit_tags(tags, max_tokens=40) == tuple(tags)
    assert wordpieces.fit_tags(tags, max_tokens=5) == ("dog", "cat")  # room 3: dog 1, cat 1 and a bar
    for room in range(2, 12):
        kept = wordpieces.fit_tags(tags, max_tokens=room)
        assert len(wordpieces.row(join_tags(kept))) <= room - 2


def test_decode_joins_pieces_and_drops_special_tokens(wordpieces):
    ids, _ = wordpieces.batch(["a dog is on the dogs, ?"], first=wordpieces.dec)
    assert wordpieces.decode(ids[0].tolist()) == "a dog is on the dogs,?"


def test_refuses_broken_vocabularies(tmp_path):
    with pytest.raises(ModelError, match=r"\[SEP\] is missing"):
        Wordpieces(["[PAD]", "[UNK]", "[CLS]"])
    with pytest.raises(ModelError, match="hold a piece twice"):
        Wordpieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "a"])
    with pytest.raises(ModelError, match="one word piece per line"):
        Wordpieces.from_file(tmp_path / "none.txt")


def test_no_text_is_refused(wordpieces):
    with pytest.raises(InputError, match="at least one text, got none"):
        wordpieces.batch([], first=wordpieces.cls)
