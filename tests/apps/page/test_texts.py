"""Texts of the page stand once, in ``en.toml``: every key is used, and nothing that people read stands elsewhere."""

import ast
import asyncio
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
from tagalign.apps import page as package
from tagalign.apps.page import texts
from tagalign.apps.page.page import build_page
from tagalign.apps.page.studio import Studio
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod

FOLDER = Path(package.__file__).parent
MARK = "⟦{}⟧"
READ = ("label", "info", "placeholder", "value")
"""What a component of gradio shows."""
DATA = {"", "{}", "first", "second", "dog, cat", str(Path.cwd())}
"""Values that are no texts of ours: names of methods, labels, a path."""


def constants(path: Path) -> Iterator[str]:
    """String constants of a file, but for docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    # shapes of arrays, as types write them
    passed |= {
        id(one) for node in ast.walk(tree) if isinstance(node, ast.Subscript) for one in ast.walk(node.slice)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            yield node.value


def patterns(path: Path) -> Iterator[str]:
    """Keys that are put together, as ``review.*``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (one.value if isinstance(one, ast.Constant) else "*" for one in node.values)
            yield "".join(map(str, parts))


def test_every_key_is_used_and_every_used_key_exists() -> None:
    files = sorted(FOLDER.glob("*.py"))
    used = {text for path in files for text in constants(path)}
    made = {one for path in files for one in patterns(path) if re.fullmatch(r"[a-z]+\.\*", one)}
    prefixes = tuple(one[:-1] for one in made)
    known = set(texts.texts())
    asked = {
        one for one in used if re.fullmatch(r"(page|masks|look|notes|compare|method|review|errors)\.\w+", one)
    }
    assert asked - {"page.css"} <= known
    unused = {one for one in known - used if one.removesuffix("_many") not in used}
    assert {one for one in unused if not one.startswith(prefixes)} == set()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_no_sentence_stands_in_the_code(path: Path) -> None:
    bare = [re.sub(r'<[^>]*>|\{[^}]*\}|[\w-]+="[^"]*"', "", text) for text in constants(path)]
    assert [text for text in bare if re.search(r"[A-Za-z]{2,},? [a-z]{2,}", text)] == []


def test_what_is_filled_in_has_a_name() -> None:
    for key, text in texts.texts().items():
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        assert all(name.isidentifier() for name in names), key


def shown(component: dict[str, Any]) -> Iterator[str]:
    props = component["props"]
    for name in READ:
        if isinstance(props.get(name), str):
            yield props[name]
    for choice in props.get("choices") or ():
        if choice[0] != choice[1]:  # a name that stands for itself is data
            yield choice[0]


@pytest.fixture
def loop_of_gradio() -> Iterator[None]:
    """A page that is built and never shown leaves its event loop open."""
    yield
    asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)


@pytest.mark.filterwarnings("ignore")  # gradio warns about coming versions of itself
@pytest.mark.usefixtures("loop_of_gradio")
def test_in_another_language_no_english_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every text in marks, as a translation would be: what a component shows without them is ours and stands elsewhere."""
    own = texts.texts()
    monkeypatch.setattr(texts, "texts", lambda: {key: MARK.format(text) for key, text in own.items()})
    monkeypatch.chdir(tmp_path)
    studio = Studio(lambda name: Model(StubMethod()), ["first", "second"])
    page = build_page(
        studio, model="stub", examples=[], labels="dog, cat", opener=lambda name: None, notice=True
    )
    found = [text for one in page.get_config_file()["components"] for text in shown(one)]
    assert len(found) > 50
    assert [text for text in found if "⟦" not in text and text not in DATA | {str(tmp_path)}] == []
