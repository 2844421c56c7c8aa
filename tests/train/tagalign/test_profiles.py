"""The printed settings, the release's rate rule, and choices that leave a profile as it is."""

import dataclasses

import pytest

from tagalign.train.tagalign.profiles import TRAIN_PROFILES


def test_the_release_scales_its_rate_with_the_batch_and_the_paper_does_not():
    released, paper = TRAIN_PROFILES["released"], TRAIN_PROFILES["paper"]
    assert released.rate_for_batch(4096) == pytest.approx(1e-3)
    assert released.rate_for_batch(1024) == pytest.approx(2.5e-4)
    assert {paper.rate_for_batch(size) for size in (1, 4096, 10_000)} == {1e-3}


def test_choices_replace_what_is_given_and_nothing_else():
    for name, profile in TRAIN_PROFILES.items():
        assert profile.name == name
        assert profile.with_choices(loss=None, learning_rate=None) == profile
        chosen = profile.with_choices(loss="focal", learning_rate=0.5)
        assert chosen == dataclasses.replace(profile, loss="focal", learning_rate=0.5)
