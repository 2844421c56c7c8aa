"""A server that goes away in the middle of a review and comes back, in a real browser: it is said, and nothing is lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tagalign.apps.page.page import build_page, launch
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.studio import Studio
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod

# gradio, its server and its client warn about each other's coming versions
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


def served(folder: Path, out: Path, port: int) -> tuple[Any, str]:
    """A page that knows nothing of another one but what is on the disk."""
    store = ReviewStore(folder, ["a.png", "b.png"], out)
    studio = Studio(lambda name: Model(StubMethod()), ["first"])
    page = build_page(studio, model="stub", examples=[], labels="dog, cat", review=store)
    _, address, _ = launch(page, host="127.0.0.1", port=port, out=out, wait=False)
    return page, address


def test_what_was_checked_is_there_again_when_the_server_is(
    new_page: Callable[[str, str], Page], tmp_path: Path
) -> None:
    for name in "ab":
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.png")
    server, address = served(tmp_path, tmp_path / "out", 0)
    page = new_page("desktop", address)
    status, tags = page.locator("#review-status"), page.locator("#review-tags")
    expect(status).to_contain_text("a.png · 1 of 2")
    page.keyboard.press("s")
    expect(status).to_contain_text("b.png · 2 of 2")
    tags.get_by_label("cat").check()
    page.locator("#review-add textarea, #review-add input").fill("ball")
    page.keyboard.press("Enter")
    expect(tags.get_by_label("ball")).to_be_checked()
    server.close()
    status.click()
    page.keyboard.press("a")
    expect(page.get_by_text("Connection to the server was lost").first).to_be_visible()
    server, _ = served(tmp_path, tmp_path / "out", int(address.rstrip("/").rsplit(":", 1)[1]))
    expect(page.get_by_text("Connection to the server was lost")).to_have_count(0)
    expect(status).to_contain_text("b.png · 2 of 2")
    expect(tags.locator("input:checked")).to_have_count(3)
    status.click()
    page.keyboard.press("a")
    expect(status).to_contain_text("1 accepted · 1 skipped · 0 open")
    lines = [json.loads(line) for line in (tmp_path / "out" / "review.jsonl").read_text().splitlines()]
    assert [(one["photo"], one["tags"]) for one in lines] == [
        ("a.png", []),
        ("b.png", ["dog", "cat", "ball"]),
    ]
    page.close()
    server.close()
