"""The log of inputs that failed: no file without a failure, one object a line, and each is said at once."""

import json

import pytest

from tagalign.cli.shared.error_log import ErrorLog
from tagalign.errors import ImageError, InputError, TagalignError


def test_without_a_failure_there_is_no_file(tmp_path):
    with ErrorLog(tmp_path / "out") as log:
        assert log.count == 0
    assert not (tmp_path / "out").exists()


def test_every_failure_is_a_line_and_is_said(tmp_path, capsys):
    with ErrorLog(tmp_path / "out") as log:
        log.add("a\nb.jpg", ImageError("a.jpg: no image"))
        written = log.path.read_text(encoding="utf-8")
        assert written.endswith("\n"), "a run that is killed now has lost nothing"
        log.add(tmp_path / "犬.jpg", InputError("odd"))
    rows = [json.loads(line) for line in log.path.read_text(encoding="utf-8").splitlines()]
    assert rows == [
        {"path": "a\nb.jpg", "error": "ImageError", "message": "a.jpg: no image"},
        {"path": str(tmp_path / "犬.jpg"), "error": "InputError", "message": "odd"},
    ]
    assert log.count == 2
    assert capsys.readouterr().err == "error: a.jpg: no image\nerror: odd\n"


def test_a_place_that_takes_no_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    with ErrorLog(tmp_path / "out") as log, pytest.raises(TagalignError, match=r"errors\.jsonl"):
        log.add("a.jpg", InputError("odd"))
