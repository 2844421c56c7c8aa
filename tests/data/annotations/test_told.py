"""What was left out, for people and for a file."""

from tagalign.data.annotations.told import LONGEST, LeftOut


def test_a_reason_is_one_short_line_whatever_the_names_hold():
    told = LeftOut()
    told.say("left out: photos", "a\nb\x1b[31m", "x" * 1_000_000)
    for _ in range(4):
        told.say("left out: photos", "c")
    (line,) = told.lines()
    assert line.startswith("left out: photos: 5 (a")
    assert line.isprintable()
    assert len(line) < 2 * LONGEST
    ((photo, detail), *_) = told.cases["left out: photos"]
    assert photo == "a\nb\x1b[31m", "the file has the name as it is"
    assert len(detail) == LONGEST
