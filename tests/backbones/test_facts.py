"""What a number names of its encoder: nothing that is not there, and the commit where there is one."""

from unittest.mock import Mock

import pytest

from tagalign.backbones.facts import facts_of, pinned_name


def named(name="org/clip", **changed):
    """An encoder of which only its facts are asked."""
    facts = {
        "weight_hash": "abc",
        "family": "clip",
        "logit_scale": 99.999949,
        "logit_bias": 0.0,
        "revision": "",
        "precision": "fp32",
    }
    encoder = Mock(**facts | changed)
    encoder.name = name
    return encoder


def test_what_is_not_there_is_not_named():
    assert facts_of(named()) == {
        "model": "org/clip",
        "weight_hash": "abc",
        "family": "clip",
        "logit_scale": 99.9999,
    }


def test_a_bias_and_a_commit_are_named():
    facts = facts_of(named(logit_bias=-12.345678, revision="f00"))
    assert (facts["logit_bias"], facts["revision"]) == (-12.3457, "f00")


@pytest.mark.parametrize(
    ("name", "revision", "expected"),
    [
        ("org/clip", "", "org/clip"),
        ("org/clip", "f00", "org/clip@f00"),
        ("org/clip", "f00,beef", "org/clip@f00"),  # the weights' commit, then that of a second repository
        ("org/clip@v1", "f00", "org/clip@v1"),
        ("tiny", "", "tiny"),
    ],
)
def test_a_pinned_name_finds_the_same_files_again(name, revision, expected):
    assert pinned_name(named(name, revision=revision)) == expected
