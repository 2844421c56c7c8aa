"""Sizes that a reader can hold: of functions, of what they take, of files. The lists of exceptions only shrink."""

import ast
import statistics
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "runs", "benchmarks")
LONGEST_FUNCTION = 80
MOST_PARAMETERS = 8
LONGEST_FILE = 400

MANY_PARAMETERS = {
    "src/tagalign/methods/tag2text/folder.py:save_tag2text": "one keyword per file of the folder",
    "src/tagalign/testing/clip_folder.py:make_clip_folder": "one keyword per size of a double",
    "src/tagalign/methods/tag2text/method.py:__init__": "every part of a model, all but two with defaults",
    "src/tagalign/methods/load.py:load_method": "one keyword per choice that is no option of a method",
    "src/tagalign/ops/chunked.py:forward": "autograd hands every tensor by itself",
}
LONG_FILES: dict[str, str] = {}


@cache  # by the first test that asks: every process of a run imports this file, and one of them asks
def functions():
    return [
        (f"{path.relative_to(ROOT).as_posix()}:{node.name}", node)
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def length(node):
    return node.end_lineno - node.lineno + 1


def parameters(node):
    """Of a call: ``self`` and ``cls`` are given by nobody."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len(given) - (bool(given) and given[0].arg in {"self", "cls"})


def test_no_function_is_longer_than_a_screen():
    assert [name for name, node in functions() if length(node) > LONGEST_FUNCTION] == []


def test_no_function_takes_more_than_a_reader_keeps_apart():
    found = {name for name, node in functions() if parameters(node) > MOST_PARAMETERS}
    assert found == set(MANY_PARAMETERS), (
        "dataclasses hold what is many; an exception that is gone leaves the list"
    )


def test_half_of_all_functions_have_seven_lines_or_fewer():
    assert statistics.median(length(node) for name, node in functions() if name.startswith("src/")) <= 7


def test_long_files_are_named_with_a_reason():
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in (*FOLDERS, "tests")
        for path in (ROOT / folder).rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE
    }
    assert found == set(LONG_FILES)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f(self, a, /, b, *, c): ...", 3),
        ("def f(a, b=1, *args, c, **rest): ...", 3),
        ("def f(): ...", 0),
    ],
)
def test_parameters_are_counted_as_a_caller_does(source, count):
    assert parameters(ast.parse(source).body[0]) == count
