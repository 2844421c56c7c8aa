"""Which source files have a test file of their own: ``tests/<same path>/test_<name>.py``, or one whose docstring names them.

A test file that holds the behaviour of other modules says so at the end of its docstring: Holds, and their paths.
Everything else counts as without a mirror: it is tested through the verbs and models that use it.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE, TESTS = ROOT / "src/tagalign", ROOT / "tests"

LEAST_SHARE = 0.85
"""Of the source files; the share of main when this was last raised. It may only rise."""


def sources():
    return sorted(p.relative_to(SOURCE).as_posix() for p in SOURCE.rglob("*.py") if p.name != "__init__.py")


def named_in_docstrings():
    """Source files that the docstring of a test file names."""
    names = set()
    for path in TESTS.rglob("test_*.py"):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        _, _, held = text.partition("\nHolds ")
        names.update(re.findall(r"``([\w/]+\.py)``", held))
    return names


def has_own_test(source):
    place = Path(source)
    return (TESTS / place.parent / f"test_{place.stem.rstrip('_')}.py").exists()


def test_the_share_of_mirrored_files_only_rises():
    named = named_in_docstrings()
    without = [source for source in sources() if not has_own_test(source) and source not in named]
    share = 1 - len(without) / len(sources())
    assert share >= LEAST_SHARE, f"{len(without)} source files have no mirror: {', '.join(without)}"


def test_docstrings_name_files_that_exist():
    assert named_in_docstrings() <= set(sources())
