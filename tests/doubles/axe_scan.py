"""What axe-core, the checker of Deque, finds on a page that is open in a browser."""

from importlib import resources
from importlib.util import find_spec
from typing import Any

import pytest

PACKAGE = "axe_playwright_python"
GRAVE = {"serious", "critical"}


def grave_faults(page: Any) -> list[str]:
    """Rules that are broken gravely, with the first element that breaks each; needs the package that brings axe-core."""
    if find_spec(PACKAGE) is None:
        pytest.skip("axe-playwright-python is not installed")
    page.evaluate(resources.files(PACKAGE).joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']} ({len(one['nodes'])} times): {one['nodes'][0]['html'][:200]} "
        f"{one['nodes'][0]['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
    ]
