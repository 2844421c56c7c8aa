"""Bars on a terminal give the cursor back, however the work ends. The terminal is a list of what was written to it."""

import io
import sys

import pytest

from tagalign.cli.shared.bars import StepBar

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


def test_a_pipe_sees_nothing(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    with StepBar("training", 2) as bar:
        bar.to(1)
        bar.step(2, 2, {"loss": 1.0, "images_per_s": 2.0})
    assert written.getvalue() == ""
