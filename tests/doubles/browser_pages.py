"""A browser, a folder for pictures of the page, and what people do with its fields."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844), "dark": (1280, 900)}
WAIT_MS = 60_000


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config) -> Path:
    """Kept by CI and ignored by git."""
    folder = pytestconfig.rootpath / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# of a file: while its loop runs no other can, and a scope of folders would last to the end (folders here are no packages)
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    playwright_api.expect.set_options(timeout=WAIT_MS)
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def new_page(browser: Any) -> Iterator[Callable[[str, str], Any]]:
    """From a scheme of ``WIDTHS`` and an address to an open page; pages of one scheme share what they loaded."""
    contexts: dict[str, Any] = {}

    def open_page(scheme: str, address: str) -> Any:
        if scheme not in contexts:
            width, height = WIDTHS[scheme]
            contexts[scheme] = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
        page = contexts[scheme].new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        return page

    yield open_page
    for context in contexts.values():
        context.close()


def type_into(field: Any, text: str) -> None:
    """Fill a field of a part of the page that has just been opened, as a person who sees whether it holds.

    Gradio draws such a part after it can be reached, and gives its fields their first values once more.
    """
    for _ in range(50):
        field.fill(text)
        field.page.wait_for_timeout(200)
        if field.input_value() == text:
            return
    raise AssertionError(f"the field does not keep {text!r}")


def pick(page: Any, control: str, name: Any) -> None:
    """Choose from the list of one control: the list of the one before may still be fading."""
    box = page.locator(f"#{control}")
    box.locator("input").click()
    box.get_by_role("option", name=name, exact=True).click()
