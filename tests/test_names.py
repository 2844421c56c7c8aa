"""One word, one meaning: no two public classes of the source share a name."""

import ast
from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src/tagalign"


def public_classes():
    places = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(SOURCE).as_posix())
    return places


def test_a_name_is_one_class():
    twice = {name: places for name, places in public_classes().items() if len(places) > 1}
    assert twice == {}, "rename the less public one, with the field's own word"


def test_the_walk_finds_classes():
    places = public_classes()
    assert places["Segmentation"] == ["types.py"]
    assert len(places) > 300
