"""A run that a signal stopped says how far it came, and ends with the code that shells give to that signal."""

import signal
from types import SimpleNamespace

import pytest

from tagalign.cli.verbs.train.stopped import stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_code_is_that_of_a_shell(capsys, number):
    assert stopped(7, 20, SimpleNamespace(signal_number=number)) == {2: 130, 15: 143}[number]
    assert capsys.readouterr().err == "stopped after step 7 of 20; the same command goes on from there\n"
