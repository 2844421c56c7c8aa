"""align, stand-ins and rewrites on small corpora solved by hand."""

from tagalign.tags import ParsedCaption
from tagalign.tags.alignment import LABELS, align, learn_rewrites, learn_stand_ins, spans
from tagalign.tags.distilled import decode


def names(caption, **tags):
    aligned = align(caption, ParsedCaption(**tags), {})
    return dict(zip(aligned.tokens, [LABELS[i] for i in aligned.labels], strict=True)), aligned.missing


def test_tags_find_their_words_in_any_number():
    labels, missing = names(
        "two red fire trucks", objects=("fire truck",), attributes=("red",), pairs=(("fire truck", "red"),)
    )
    assert labels == {"two": "O", "red": "B-ATR", "fire": "B-OBJ", "trucks": "I-OBJ"}
    assert missing == []


def test_an_attribute_after_its_object_points_back():
    labels, _ = names("the car is red", objects=("car",), attributes=("red",), pairs=(("car", "red"),))
    assert labels["red"] == "B-ATL"


def test_long_tags_come_first_and_what_has_no_place_is_missing():
    labels, missing = names("a hot dog", objects=("dog", "hot dog", "cat"))
    assert labels == {"a": "O", "hot": "B-OBJ", "dog": "I-OBJ"}
    assert missing == [("object", "dog"), ("object", "cat")]


def test_labels_decode_to_the_tags_they_came_from():
    parse = ParsedCaption(
        objects=("car", "fire truck"),
        attributes=("red", "very old"),
        pairs=(("car", "red"), ("fire truck", "very old")),
    )
    aligned = align("the red car and a very old fire truck", parse, {})
    assert decode(aligned.tokens, aligned.labels) == parse


ROWS = [
    (f"a guy with a {thing}", ParsedCaption(objects=("person", thing)))
    for thing in ("dog", "car", "hat", "bag")
] + [
    (f"a {thing} on the grass", ParsedCaption(objects=(thing, "grass")))
    for thing in ("dog", "car", "hat", "bag")
]


def test_a_word_that_stands_for_a_missing_tag_is_learned_and_rewritten():
    stand_ins = learn_stand_ins(ROWS)
    assert stand_ins[("object", ("person",))] == {("guy",)}
    aligned = [align(caption, parse, stand_ins) for caption, parse in ROWS]
    assert all(not one.missing for one in aligned)
    assert learn_rewrites(aligned) == {("object", "guy"): "person"}


def test_spans_name_kind_and_place():
    assert list(spans([0, 1, 2, 3, 5, 6, 0])) == [("object", 1, 3), ("attribute", 3, 4), ("attribute", 4, 6)]
