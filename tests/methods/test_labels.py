"""Embedding labels: a wait of minutes is told at its beginning and then every minute, a short one not at all."""

import pytest

from tagalign.methods.labels import LongWait, embed_names


class Clock:
    """Seconds that pass as they are told to."""

    now = 100.0

    def __call__(self):
        return self.now


def said(caplog, total, steps):
    """The lines of a wait, whose steps are (prompts, seconds)."""
    clock = Clock()
    wait = LongWait(total, clock)
    for prompts, seconds in steps:
        clock.now += seconds
        wait.done(prompts)
    return [record.getMessage() for record in caplog.records]


def test_a_long_wait_is_told_first_and_then_every_minute(caplog):
    lines = said(caplog, 4000, [(1000, 50)] * 4)
    # 150 s are left after the first, 100 after the second, which is too early for a line, 50 after the third
    assert lines == [
        "1000 of 4000 prompts of the labels are embedded, about 2 min left; fewer templates (--templates 1) take less"
    ]
    caplog.clear()
    lines = said(caplog, 100_000, [(4000, 240)] * 25)
    assert len(lines) == 24  # the last one has nothing left to wait for
    assert lines[1] == "8000 of 100000 prompts of the labels are embedded, about 92 min left"


@pytest.mark.parametrize("steps", [[(10, 0.1)], [(5, 20), (5, 20)]])
def test_a_short_wait_is_not_told(caplog, steps):
    assert not said(caplog, 10, steps)


def test_nothing_to_embed_takes_no_time(backbone, caplog):
    assert embed_names(backbone, [], ["a {}"]).shape == (0, backbone.embed_dim)
    assert not caplog.records
