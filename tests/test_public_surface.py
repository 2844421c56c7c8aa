"""The public door: what is exported, and what importing costs."""

import subprocess
import sys
from pathlib import Path

import tagalign

ROOT = Path(__file__).resolve().parents[1]


def test_every_public_name_is_exported_once_and_sorted():
    assert tagalign.__all__ == sorted(set(tagalign.__all__))
    assert set(tagalign.__all__) == set(tagalign._HOME)


def test_fewer_than_forty_names():
    assert len(tagalign.__all__) < 40


def test_every_name_can_be_reached():
    for name in tagalign.__all__:
        assert getattr(tagalign, name) is not None


def test_unknown_name_is_an_attribute_error():
    import pytest

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tagalign.nothing  # noqa: B018


def test_importing_loads_nothing_heavy():
    code = "import sys, tagalign; print(sorted({'torch', 'numpy', 'transformers', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom tagalign.cli.main import main\nassert main(['--help']) == 0\n"
        "print(sorted({'torch', 'numpy', 'transformers', 'tyro', 'dataclasses', 'difflib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
