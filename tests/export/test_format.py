"""A format is one file: what a test registers has a page, a completion, checks and a writer as those of the package."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import torch

from tagalign.cli.main import main
from tagalign.errors import InputError
from tagalign.export.format import Format, Written
from tagalign.export.formats import FORMATS, FormatEntry
from tagalign.export.masks import save_mask
from tagalign.option_fields import option


@dataclass(frozen=True, kw_only=True)
class Lines:
    """A line of names per image."""

    out: Path = option(Path("lines.txt"), "The text file.")
    end: Literal["stop", "none"] = option("none", "What stands behind a line.")
    most: int | None = option(None, "Names in a line.")

    def __post_init__(self):
        if self.most == 0:
            raise InputError("--most must be at least 1, got 0")

    def write(self, results):
        rows = [f"{image.file_name}: {' '.join(results.names()[: self.most])}" for image in results.images()]
        self.out.write_text("".join(row + (".\n" if self.end == "stop" else "\n") for row in rows))
        return Written(len(rows), "line")


@pytest.fixture(autouse=True)
def lines():
    entry = FormatEntry(kind=Lines, summary="A line of names per image.", example="lines masks/ --most 2")
    with FORMATS.adding("lines", entry):
        yield


@pytest.fixture
def masks(tmp_path):
    save_mask(tmp_path / "masks" / "a.png", torch.ones(4, 4, dtype=torch.int64), 3)
    names = {"labels": ["background", "cat", "dog"]}
    (tmp_path / "masks" / "settings.json").write_text(json.dumps(names))
    return tmp_path / "masks"


def test_it_writes(masks, tmp_path, capsys):
    out = tmp_path / "names.txt"
    assert main(["export", "lines", str(masks), "--out", str(out), "--end", "stop", "--most", "2"]) == 0
    assert out.read_text() == "a.png: background cat.\n"
    assert f"1 line written to {out}" in capsys.readouterr().err


def test_it_has_a_page(capsys):
    assert main(["export", "--help"]) == 0
    assert "lines         A line of names per image." in capsys.readouterr().out
    assert main(["export", "lines", "--help"]) == 0
    page = capsys.readouterr().out
    assert "--end stop|none\n      What stands behind a line. (default: none)" in page
    assert "RESULTS\n      Folder that `tagalign segment`" in page
    assert "tagalign export lines masks/ --most 2" in page


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["lines", "--end", "stp"], "unknown end 'stp'; did you mean 'stop'?"),
        (["lines", "--most", "0"], "--most must be at least 1, got 0"),
        (["lins"], "unknown kind of export 'lins'; did you mean 'lines'?"),
    ],
)
def test_it_is_checked(masks, capsys, given, message):
    assert main(["export", given[0], str(masks), *given[1:]]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", FORMATS)
def test_every_entry_is_a_format(name):
    assert isinstance(FORMATS[name].kind(), Format)
    assert FORMATS[name].example.startswith(f"{name} ")
