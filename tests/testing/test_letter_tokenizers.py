"""A token per letter: what goes in comes back."""

import pytest

from tagalign.testing.letter_tokenizers import LETTERS, letter_tokenizer


def test_marks_come_first_and_letters_keep_their_case():
    engine = letter_tokenizer(("<s>", "</s>", "<unk>"))
    assert [engine.token_to_id(mark) for mark in ("<s>", "</s>", "<unk>")] == [0, 1, 2]
    assert engine.get_vocab_size() == 3 + len(LETTERS)
    found = engine.encode("aA dog", add_special_tokens=False)
    assert found.tokens == ["▁", "a", "A", "▁", "d", "o", "g"]
    assert len(set(engine.encode("aA", add_special_tokens=False).ids)) == 3


def test_unknown_letters_are_marked():
    engine = letter_tokenizer(("<unk>",))
    assert engine.encode("aé", add_special_tokens=False).tokens[-1] == "<unk>"


@pytest.mark.parametrize("frame", [("<s>", "</s>")])
def test_a_frame_stands_around_every_text(frame):
    tokens = letter_tokenizer(("<s>", "</s>", "<unk>"), frame=frame).encode("hi").tokens
    assert (tokens[0], tokens[-1], tokens[1:-1]) == (*frame, ["▁", "h", "i"])
