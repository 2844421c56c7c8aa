"""The picture of the house shows the floors of the contract, in their order, in the packages' own words."""

import ast
import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/architecture.md"


@pytest.fixture(scope="module")
def words():
    """Texts of the picture with their heights, in the column of the house."""
    picture = ET.parse(ROOT / "docs/images/architecture.svg")
    return [(float(t.get("y")), t.text) for t in picture.findall(".//{*}text") if t.get("x") == "434.0"]


def test_floors_stand_in_the_order_of_the_contract(words):
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    packages = [name for name in contract["layers"] if (ROOT / "src/tagalign" / name).is_dir()]
    assert [text for _, text in sorted(words)][: 2 * len(packages) : 2] == packages


def test_every_floor_says_what_its_package_says(words):
    shown = [text for _, text in sorted(words)]
    for name, sentence in zip(shown[0:-2:2], shown[1:-2:2], strict=True):
        doc = ast.get_docstring(ast.parse((ROOT / "src/tagalign" / name / "__init__.py").read_text()))
        assert doc.startswith(sentence.rstrip(".")), f"{name}: run python runs/draw_docs.py"


def test_the_page_names_floors_that_exist():
    named = re.findall(r"^(?:\d\. )?\*\*(\w+)\*\*", PAGE.read_text(), flags=re.MULTILINE)
    assert {
        "cli",
        "tasks",
        "methods",
        "backbones",
        "ops",
        "export",
        "tags",
        "data",
        "train",
        "evaluate",
    } <= set(named)
    assert all((ROOT / "src/tagalign" / name).is_dir() for name in named)
