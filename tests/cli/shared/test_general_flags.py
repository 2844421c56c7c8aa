"""Flags of every verb, read wherever they stand and not by the verb."""

import os

import pytest
import torch

from tagalign.cli.main import main
from tagalign.cli.shared.general_flags import take_flag, take_threads
from tagalign.errors import InputError


@pytest.mark.parametrize("args", [["a", "--x", "1", "b"], ["--x=1", "a", "b"], ["a", "b", "--x", "1"]])
def test_a_flag_is_taken_from_any_place(args):
    assert take_flag(args, "--x") == ("1", ["a", "b"])


def test_without_the_flag_nothing_changes():
    assert take_flag(["--xy", "1"], "--x") == (None, ["--xy", "1"])


def test_a_flag_without_a_value_says_what_it_needs():
    with pytest.raises(InputError, match="--x needs a file"):
        take_flag(["a", "--x"], "--x", "a file")


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "", "²"])
def test_threads_that_are_none_are_refused(text):
    with pytest.raises(InputError, match="whole number of at least 1"):
        take_threads(["tag", f"--threads={text}"])


def test_a_verb_computes_with_the_threads_that_it_is_given(monkeypatch, capsys):
    for name in ("OMP_NUM_THREADS", "MKL_DYNAMIC"):  # so that what the verb sets is taken back
        monkeypatch.setenv(name, "1")
    before = torch.get_num_threads()
    try:
        assert main(["methods", "--threads", "3"]) == 0
        assert torch.get_num_threads() == 3
        assert os.environ["OMP_NUM_THREADS"] == "3"
    finally:
        torch.set_num_threads(before)
    assert main(["methods", "--threads", "0"]) == 2
    assert "--threads must be a whole number of at least 1, got '0'" in capsys.readouterr().err
