"""read_answer: what models really write, solved by hand, and the law that nothing makes it fall over."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagalign.tags.llm_answers import MAX_TAG, Answer, UnreadableAnswerError, read_answer

LISTS = {
    "[cat, bowl]": ("cat", "bowl"),
    "['cat', \"bowl\"]": ("cat", "bowl"),
    "Sure! The objects are: [cat, bowl]. Anything else?": ("cat", "bowl"),
    "[1. cat, 2. bowl]": ("cat", "bowl"),
    "[\n- cat\n- bowl\n]": ("cat", "bowl"),
    "[cat, [bowl, daisy], table]": ("cat", "bowl", "daisy", "table"),
    "[[cat], [bowl]]": ("cat", "bowl"),
    "[cat, bowl, dai": ("cat", "bowl"),
    "[cat": ("cat",),
    "[]": (),
    "[None]": (),
    "None.": (),
    "[cat, cat, None, ]": ("cat",),
    "[**cat**, `bowl`]": ("cat", "bowl"),
    "1. [cat]": ("cat",),
    "[cat]\nExplanation: [bowl] is not visible": ("cat",),
    f"[cat, {'x' * (MAX_TAG + 1)}]": ("cat",),
    '{"objects": ["cat", "bowl"]}': ("cat", "bowl"),
    '```json\n{"results": [{"id": 1, "objects": ["cat", "bowl"]}]}\n```': ("cat", "bowl"),
}


@pytest.mark.parametrize(("text", "expected"), LISTS.items())
def test_lists_as_models_write_them(text, expected):
    assert read_answer(text, mode="objects", captions=1) == [Answer(objects=expected)]


@pytest.mark.parametrize("text", ["", "I'm sorry, I can't help with that.", "cat and bowl", "{", '{"a": 1}'])
def test_no_list_is_an_error(text):
    with pytest.raises(UnreadableAnswerError):
        read_answer(text, mode="objects", captions=1)


def test_numbered_lines_find_their_captions_in_any_order():
    answers = read_answer("2. [dog]\n1. [cat]", mode="objects", captions=3)
    assert answers == [Answer(objects=("cat",)), Answer(objects=("dog",)), None]


def test_json_results_find_their_captions_and_a_cut_tail_leaves_the_rest_open():
    whole = json.dumps(
        {
            "results": [
                {"id": 1, "objects": ["cat"], "attributes": [{"object": "cat", "attribute": "grey"}]},
                {"id": 2, "objects": ["dog"], "attributes": []},
            ]
        }
    )
    first, second = Answer(("cat",), (("cat", "grey"),)), Answer(("dog",))
    assert read_answer(whole, mode="combined", captions=2) == [first, second]
    assert read_answer(whole[:-20], mode="combined", captions=2) == [first, None]


def test_attributes_may_come_as_plain_words():
    answer = read_answer(
        '{"objects": [], "attributes": ["red", {"attribute": "big"}]}', mode="combined", captions=1
    )
    assert answer == [Answer((), (("", "red"), ("", "big")))]


@given(
    st.text(alphabet="[]{},\"'ab 1.\n:", max_size=60), st.sampled_from(["objects", "attributes", "combined"])
)
def test_any_text_gives_answers_or_one_kind_of_error(text, mode):
    try:
        answers = read_answer(text, mode=mode, captions=2)
    except UnreadableAnswerError:
        return
    assert len(answers) == 2
    for answer in filter(None, answers):
        assert all(tag and tag == tag.strip() for tag in answer.objects)
