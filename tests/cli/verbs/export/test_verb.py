"""Every word after ``tagalign export``, from the command line: what it writes, what it refuses in one line.

Holds ``export/formats/coco.py``, ``export/formats/yolo.py``, ``export/formats/cvat.py``, ``export/formats/table.py``,
``export/formats/label_studio.py``, ``cli/verbs/export/results.py``.
"""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from tagalign.cli.main import main
from tagalign.export.masks import save_mask


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two masks of 6 x 8 pixels: a block of each label."""
    labels = torch.zeros(6, 8, dtype=torch.int64)
    labels[:2, :3], labels[4:, 5:] = 1, 2
    for name in ("a", "b"):
        save_mask(tmp_path / "masks" / f"{name}.png", labels, 3)
    (tmp_path / "masks" / "settings.json").write_text(json.dumps({"labels": ["background", "cat", "dog"]}))
    return tmp_path / "masks"


def test_coco(results: Path, tmp_path: Path) -> None:
    assert (
        main(["export", "coco", str(results), "--out", str(tmp_path / "a.json"), "--form", "polygons"]) == 0
    )
    data = json.loads((tmp_path / "a.json").read_text())
    assert [(row["category_id"], row["area"], row["bbox"]) for row in data["annotations"]] == [
        (1, 6, [0, 0, 3, 2]),
        (2, 6, [5, 4, 3, 2]),
    ] * 2


def test_yolo(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "yolo", str(results), "--out", str(tmp_path / "set")]) == 0
    said = capsys.readouterr().err
    assert (
        f"2 label files written to {tmp_path / 'set'}; put the photos into {tmp_path / 'set' / 'images'}"
        in said
    )
    line = (tmp_path / "set" / "labels" / "a.txt").read_text().splitlines()[0].split()
    corners = np.array(line[1:], dtype=float).reshape(-1, 2)
    assert line[0] == "0"
    # six digits are written
    np.testing.assert_allclose(corners.max(axis=0), [3 / 8, 2 / 6], atol=1e-6)


def test_label_studio(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "label-studio", str(results), "--out", str(tmp_path / "t.json")]) == 0
    assert f"the setting of their project is {tmp_path / 't.xml'}; a server" in capsys.readouterr().err
    assert len(json.loads((tmp_path / "t.json").read_text())) == 2
    labels = ElementTree.parse(tmp_path / "t.xml").getroot().iter("Label")
    assert [label.get("value") for label in labels] == ["cat", "dog"]


def test_cvat(results: Path, tmp_path: Path) -> None:
    assert main(["export", "cvat", str(results), "--out", str(tmp_path / "a.xml")]) == 0
    assert len(list(ElementTree.parse(tmp_path / "a.xml").getroot().iter("mask"))) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["coco", "nowhere"], "settings.json is missing"),
        (["table", "{results}", "--out", "{tmp}/a.csv"], "has masks and no tags"),
        (["table", "{results}", "--out", "{tmp}/a.doc"], "must end in .csv or .parquet"),
        (["yolo", "{results}", "--min-area", "-1"], "--min-area must be at least 0"),
        (["table", "{results}", "--min-area", "3"], "--min-area does not belong here"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    filled = [a.replace("{results}", str(results)).replace("{tmp}", str(tmp_path)) for a in arguments]
    assert main(["export", *filled]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
