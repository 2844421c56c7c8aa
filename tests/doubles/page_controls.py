"""Every control of the page by name, read from the page as it is built, and the controls that browser tests say they use.

A component of gradio is named by its id; options of methods by the kind of their field, for one function builds them all;
what stands in a mask panel as ``masks-NAME``; a key as ``key-NAME`` of the page, ``masks-key-NAME`` of a panel.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from tagalign.apps.page.assets import static_text
from tagalign.apps.page.drawn import Drawn
from tagalign.apps.page.mask_panel import panel_of

SHOWN = {"html", "markdown", "annotatedimage", "state", "row", "column", "tabs", "form"}
"""Components that nobody uses: they show or hold something."""
SHARED_OPTIONS = {"option-look", "option-words", "option-instances", "option-min-area"}
FOR_SCRIPTS = "for-scripts"


def controls_of_page(config: dict[str, Any], mask: Drawn) -> set[str]:
    """Names of all controls.

    Args:
        config: as gradio sends it to the browser.
        mask: any, for a panel to be drawn.
    """
    return {*_components(config), *_panel(mask), *_keys()}


def _components(config: dict[str, Any]) -> Iterator[str]:
    for one in config["components"]:
        kind, props = one["type"], one["props"]
        if kind in SHOWN or FOR_SCRIPTS in (props.get("elem_classes") or ()):
            continue
        name = props.get("elem_id") or f"a {kind} without an id: {props.get('label') or props.get('value')}"
        if kind == "tabitem":
            name = f"tab-{props['id']}"
        elif name.startswith("option-") and name not in SHARED_OPTIONS:
            name = f"option of kind {kind}"
        yield name


def _panel(mask: Drawn) -> Iterator[str]:
    html = panel_of(Image.new("RGB", (8, 6)), [mask], heat=True)
    yield from (f"masks-{name}" for name in re.findall(r'data-panel="([\w-]+)"', html))
    yield from (f"masks-{name}" for name in re.findall(r'class="mask-(stage|legend)"', html))


def _keys() -> Iterator[str]:
    (pairs,) = re.findall(r"const id = \{(.*?)\}", static_text("keys.js"))
    yield from (f"key-{key}" for key in re.findall(r"(\w+): \"", pairs))
    script = static_text("panel.js")
    (block,) = re.findall(r"const keys = \{(.*?)\n  \};", script, re.DOTALL)
    yield from (f"masks-key-{key}" for key in re.findall(r'"?([^\s",]+?)"?: (?:\(panel\)|whole)', block))
    yield from (f"masks-key-{key}" for key in re.findall(r'event.key === "(\w+)"', script))
    (beside,) = re.findall(r"const beside = \{(.*?)\}", script)
    yield from (f"masks-legend-{key}" for key in re.findall(r"(\w+): ", beside))


def controls_said(folder: Path) -> dict[str, list[str]]:
    """Tests by the control that they say they use (``@pytest.mark.controls``)."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for name in _said(node):
                    found.setdefault(name, []).append(f"{path.name}::{node.name}")
    return found


def _said(test: ast.FunctionDef) -> Iterator[str]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.controls":
            yield from (str(ast.literal_eval(one)) for one in mark.args)
