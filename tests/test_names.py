"""One word, one meaning: no two public classes of the source share a name, and no alias of a type stands for two types.

An alias may be written again where its type is the same: shapes are read beside the function that they are of.
"""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/tagalign"
TYPE_VARIABLES = ("TypeVar", "ParamSpec", "NewType")


def trees():
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def public_classes():
    places = defaultdict(list)
    for place, tree in trees():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(place)
    return places


def aliases(tree):
    """Names in the spelling of classes that a module gives to a type, with that type in words; no type variables."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, ast.unparse(node.value)
            is_class_like = name[0].isupper() and name != name.upper()
            if is_class_like and not value.startswith(TYPE_VARIABLES):
                yield name, value


def meanings():
    """What each name stands for, and where: a class by its place, an alias by its type."""
    found = defaultdict(lambda: defaultdict(list))
    for place, tree in trees():
        for name, value in aliases(tree):
            found[name][value].append(place)
    for name, places in public_classes().items():
        if name in found:
            found[name]["class"] += places
    return found


def test_a_name_is_one_class():
    twice = {name: places for name, places in public_classes().items() if len(places) > 1}
    assert twice == {}, "rename the less public one, with the field's own word"


def test_an_alias_is_one_type():
    several = {name: dict(types) for name, types in meanings().items() if len(types) > 1}
    assert several == {}, "name the narrower one after what it holds"


def test_the_walk_finds_classes():
    places = public_classes()
    assert places["Segmentation"] == ["types.py"]
    assert len(places) > 300


def test_the_walk_finds_aliases():
    found = meanings()
    assert list(found["Kind"]) == []
    assert found["ThresholdKind"] == {
        "Literal['relative', 'absolute', 'top', 'calibrated']": ["methods/thresholds.py"]
    }
    assert len(found) > 100


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("Kind = Literal['a']", [("Kind", "Literal['a']")]),
        ("LIMIT = 3\nkind = 'a'\n_Own = int\nItem = TypeVar('Item')", []),
        ("Tokens = Float[Tensor, 'batch tokens']", [("Tokens", "Float[Tensor, 'batch tokens']")]),
    ],
)
def test_an_alias_is_told_from_a_number_and_a_variable(source, found):
    assert list(aliases(ast.parse(source))) == found
