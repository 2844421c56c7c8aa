import os
import threading
from pathlib import Path

import pytest

from tagalign.tags.captions.span_file import SpanFile


@pytest.fixture(params=["with pread", "without"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SpanFile:
    """A file with line ends of Windows; without ``pread``, as Windows is."""
    if request.param == "without":
        monkeypatch.delattr(os, "pread", raising=False)
    (tmp_path / "a.bin").write_bytes(b"0\r\n3456789\x1a" * 100)
    return SpanFile(tmp_path / "a.bin")


def test_spans_are_read_as_they_stand(file: SpanFile) -> None:
    assert (file.read(1, 3), file.read(1097, 20), file.read(5000, 3)) == (b"\r\n3", b"89\x1a", b"")
    file.close()


def test_threads_do_not_disturb_each_other(file: SpanFile) -> None:
    wrong = []

    def read(start: int) -> None:
        for _ in range(200):
            if file.read(start * 11, 11) != b"0\r\n3456789\x1a":
                wrong.append(start)

    threads = [threading.Thread(target=read, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SpanFile(tmp_path / "none")
