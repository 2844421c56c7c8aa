"""The release's deviations are the release's alone."""

import dataclasses

import pytest

from tagalign.errors import UnknownNameError
from tagalign.methods.tag2text.profiles import PROFILES, load_profile


def test_profiles_go_by_their_own_names():
    assert {name: profile.name for name, profile in PROFILES.items()} == {name: name for name in PROFILES}
    with pytest.raises(UnknownNameError, match="did you mean 'released'"):
        load_profile("release")


def test_fixed_is_the_paper_with_the_prompt_in_both_places_and_sure_tags_first():
    paper, fixed = (dataclasses.asdict(load_profile(name)) for name in ("paper", "fixed"))
    assert {name for name in paper if paper[name] != fixed[name]} == {
        "name", "sure_first", "prompt_in_training", "forced_prompt",
    }  # fmt: skip


def test_the_release_writes_a_prompt_that_it_never_trained():
    released = load_profile("released")
    assert released.forced_prompt
    assert not released.prompt_in_training
    assert (released.mask_padding, released.whole_tags) == (False, False)
    assert released.repetition_penalty == 1.1
