"""Standard streams that are closed or that nobody reads: no traceback, no success that is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagalign.cli.main import main
from tagalign.cli.shared.streams import NOBODY_READS, open_streams


def broken_pipe(buffering):
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "w", buffering)


@pytest.mark.parametrize("buffering", [1, 1 << 20])  # fails while it is written, and only when it is flushed
def test_output_that_nobody_reads_is_no_success(monkeypatch, capsys, buffering):
    stream = broken_pipe(buffering)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["methods"]) == NOBODY_READS
    assert "stopped, nobody reads the output" in capsys.readouterr().err
    stream.close()  # leads nowhere now; it would fail otherwise


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize(("arguments", "code"), [(["completion"], 2), (["methods"], 0)])
def test_closed_streams_are_no_traceback(monkeypatch, name, arguments, code):
    monkeypatch.setattr(sys, name, None)
    assert main(arguments) == code
    getattr(sys, name).close()  # what stood in for it


def test_a_full_disk_behind_standard_output_is_one_line(monkeypatch, capsys):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w", buffering=1 << 20) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["methods"]) == 2
        assert capsys.readouterr().err == "tagalign methods: the system: No space left on device\n"
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # so that it can be closed


def test_no_file_of_a_run_gets_the_number_of_a_closed_stream(tmp_path):
    """A program that prints by number would write into it."""
    code = (
        "import os, sys; os.close(1); os.close(2)\n"
        "from tagalign.cli.shared.streams import open_streams; open_streams()\n"
        f"file = open({str(tmp_path / 'a')!r}, 'w'); os.write(1, b'x'); file.write(str(file.fileno()))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert int((tmp_path / "a").read_text()) > 2
    open_streams()  # nothing is closed here, nothing is lost
