"""Bars on a terminal give the cursor back, however the work ends. The terminal is a list of what was written to it."""

import io
import itertools
import sys
from functools import partial

import pytest

from tagalign.cli.shared.bars import RowProgress, StepBar, progress
from tagalign.cli.shared.lines import Pace

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal_for(monkeypatch):
    """Called inside of each test: pytest puts its own stream back between fixtures and test."""
    written = Terminal()
    monkeypatch.setattr(sys, "stderr", written)
    # rich asks these before it asks the stream
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return written


def shows_cursor(terminal):
    text = terminal.getvalue()
    assert HIDE in text
    return text.rfind(SHOW) > text.rfind(HIDE)


def test_a_stopped_training_gives_the_cursor_back(monkeypatch):
    terminal = terminal_for(monkeypatch)
    with StepBar("training", 10) as bar:
        bar.step(3, 10, {"loss": 1.0, "images_per_s": 2.0})
        assert not shows_cursor(terminal)
    assert shows_cursor(terminal)


def test_a_training_that_fails_gives_the_cursor_back(monkeypatch):
    terminal = terminal_for(monkeypatch)

    def fail():
        with StepBar("training", 10) as bar:
            bar.step(1, 10, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert shows_cursor(terminal)


def test_the_last_step_takes_the_bar_away_before_the_work_ends(monkeypatch):
    terminal = terminal_for(monkeypatch)
    with StepBar("training", 2) as bar:
        bar.step(2, 2, {})
        assert shows_cursor(terminal)


def test_work_of_unknown_length_ends_with_its_block(monkeypatch):
    terminal = terminal_for(monkeypatch)
    with StepBar("encoding", None) as bar:
        bar.to(5)
    assert shows_cursor(terminal)


# --- in a pipe ------------------------------------------------------------------------------------------------------


def pipe_for(monkeypatch):
    """What a log file gets, of work that looks at the clock every 20 seconds; called inside of each test."""
    written, now = io.StringIO(), itertools.count(0, 20)
    pace = partial(Pace, clock=lambda: next(now))
    for module in ("bars", "lines"):
        monkeypatch.setattr(f"tagalign.cli.shared.{module}.Pace", pace)
    monkeypatch.setattr(sys, "stderr", written)
    return written


def test_a_short_training_says_nothing(monkeypatch):
    pipe = pipe_for(monkeypatch)
    with StepBar("training", 1) as bar:
        bar.step(1, 1, {"loss": 1.0, "images_per_s": 2.0})
    assert pipe.getvalue() == ""


def test_a_training_says_now_and_then_how_far_it_is(monkeypatch):
    pipe = pipe_for(monkeypatch)
    with StepBar("training", 6) as bar:
        for step in range(1, 5):
            bar.step(step, 6, {"loss": 1.25, "images_per_s": 84.4} if step > 2 else {})
    assert pipe.getvalue().splitlines() == [
        "    training: 2 of 6, 80 s left",
        "    training: 4 of 6, loss 1.250, 84 images/s, 40 s left",
    ]


def test_things_and_rows_too(monkeypatch):
    pipe = pipe_for(monkeypatch)
    assert list(progress(iter("abc"), "indexing", total=3)) == ["a", "b", "c"]
    with RowProgress("parsing", note=lambda: "$0.10") as bar:
        for _ in range(2):
            bar.advance(1000)
    assert pipe.getvalue().splitlines() == [
        "    indexing: 2 of 3, 20 s left",
        "    parsing, rows: 2,000 done, $0.10",
    ]
