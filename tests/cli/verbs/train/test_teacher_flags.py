"""Flags of a frozen tagger: what they mean when left out, and what is refused before anything is opened."""

from pathlib import Path

import pytest

from tagalign.cli.verbs.train.teacher_flags import TeacherFlags
from tagalign.errors import InputError


def test_without_a_tagger_nothing_is_distilled_and_losses_are_as_before():
    flags = TeacherFlags(model="tiny")
    assert flags.teacher_losses() == {}
    assert flags.open_teacher([], None) is None


def test_a_tagger_alone_has_weight_1():
    assert TeacherFlags(model="tiny", teacher=Path("x")).teacher_losses() == {"distillation": 1.0}
    weighted = TeacherFlags(model="tiny", teacher=Path("x"), teacher_weight=0.5)
    assert weighted.teacher_losses() == {"distillation": 0.5}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"teacher_top": 3}, "--teacher-top belongs to --teacher"),
        ({"teacher_weight": 2.0}, "--teacher-weight belongs to --teacher"),
        ({"teacher_student": "words"}, "--teacher-student belongs to --teacher"),
        ({"teacher": Path("x"), "teacher_top": 0}, "--teacher-top must be at least 1, got 0"),
        ({"teacher": Path("x"), "teacher_weight": 0.0}, "--teacher-weight must be above 0, got 0"),
        ({"teacher": Path("x"), "teacher_weight": float("nan")}, "--teacher-weight must be above 0, got nan"),
    ],
)
def test_refusals(flags, message):
    with pytest.raises(InputError, match=message):
        TeacherFlags(model="tiny", **flags)
