"""Registries against folders that are written here: names without imports, entries by import, refusals."""

import sys

import pytest

from tagalign.errors import UnknownNameError
from tagalign.registry import Registry


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A package with two files that register themselves, and one that would fail on import."""
    package = tmp_path / "toy_entries_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from tagalign.registry import Registry\nTOYS = Registry('toy', __name__)\n"
    )
    for name, value in (("red_ball", 1), ("kite", 2)):
        (package / f"{name}.py").write_text(
            f"from {package.name} import TOYS\nTOYS.add({name.replace('_', '-')!r}, {value})\n"
        )
    (package / "broken.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield package.name
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def toys(folder):
    return __import__(folder).TOYS


def test_names_are_those_of_the_files_and_nothing_is_imported_for_them(folder):
    table = toys(folder)
    assert list(table) == ["broken", "kite", "red-ball"]
    assert len(table) == 3
    assert "kite" in table
    assert f"{folder}.kite" not in sys.modules


def test_an_entry_is_imported_with_its_first_use(folder):
    table = toys(folder)
    assert (table["red-ball"], table["kite"]) == (1, 2)
    with pytest.raises(RuntimeError, match="imported"):
        table["broken"]


def test_unknown_names_are_refused_with_the_nearest(folder):
    with pytest.raises(UnknownNameError, match="unknown toy 'kitte'; did you mean 'kite'"):
        toys(folder).find("kitte")
    with pytest.raises(KeyError):
        toys(folder)["kitte"]


def test_an_entry_from_outside_lasts_as_long_as_its_block(folder):
    table = toys(folder)
    with table.adding("drum", 3):
        assert table.find("drum") == 3
        assert list(table)[-1] == "drum"
        assert len(table) == 4
        with pytest.raises(ValueError, match="a toy 'drum' is registered already"):
            table.add("drum", 4)
    assert "drum" not in table


def test_no_registry_has_entries_twice():
    assert len(Registry("thing", "tagalign.backbones.modes")) == len(
        set(Registry("thing", "tagalign.backbones.modes"))
    )
