"""The page as ``tagalign app`` opens it, in three looks; its pictures are kept for people to see."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from axe_scan import grave_faults
from browser_pages import pick, type_into
from page_of_stub import open_tab
from playwright.sync_api import Page, expect

from tagalign.apps.page.page import launch
from tagalign.cli.verbs.app import AppSettings, make_page
from tagalign.data.tiny_world import TinyWorld

# gradio, its server and its client warn about each other's coming versions
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]
ENCODED = re.compile("encoded (once )?in")
EXAMPLE = ".gallery-item, .gallery button"
CHOSEN = {
    "threshold": "top:2",
    "reidentify": "False",
    "gate": "soft",
    "local_weight": "0.7",
    "max_patches": "900",
}
"""One option of each kind of field."""
RECORD = """async () => {
  const link = [...document.querySelectorAll("#look-files a[download]")].pop();
  return link ? await (await fetch(link.href)).json() : {};
}"""
"""The numbers that can be downloaded."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from PIL import Image

    folder, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("out")
    for i, scene in enumerate(TinyWorld(seed=3, split="test").take(3)):
        Image.fromarray(scene.image).save(folder / f"scene {i + 1}.png")
    page, _ = make_page(AppSettings(model="tiny", method="surgery", review=folder, out=out))
    _, url, _ = launch(page, host="127.0.0.1", port=0, out=out, wait=False)
    yield url
    page.close()


def seen(page: Page, tab: str, scheme: str, screenshots: Path) -> dict[str, list[str]]:
    """A picture, and what axe finds; on a desktop also in the dark, which is a class of the body: no other page for it."""
    found = {}
    for look in (scheme, "dark") if scheme == "desktop" else (scheme,):
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", look == "dark")
        page.screenshot(path=screenshots / f"{tab}-{look}.png", full_page=True, animations="disabled")
        found[f"{tab}-{look}"] = grave_faults(page)
    page.evaluate("document.body.classList.remove('dark')")
    return found


def no_wider_than_the_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("scheme", ["desktop", "phone"])
def test_a_walk_through_all_tabs(
    scheme: str, new_page: Callable[[str, str], Page], address: str, screenshots: Path
) -> None:
    page = new_page(scheme, address)
    expect(page.locator("#review-status")).to_contain_text("1 of 3")
    expect(page.locator("#review-photo img").first).to_be_visible()
    expect(page.locator("#tiny-notice")).to_contain_text("drawn scenes only")
    faults = seen(page, "review", scheme, screenshots)
    # also on a phone
    expect(page.get_by_role("tab")).to_have_text(["One photo", "Two methods", "Review a folder"])
    open_tab(page, "One photo")
    page.locator(EXAMPLE).filter(visible=True).first.click()
    expect(page.locator("#look-status")).to_contain_text(ENCODED)
    page.locator("#look-masks .mask-legend button").nth(1).click()
    page.locator("#look-masks [data-panel=heat]").click()
    expect(page.locator("#look-masks .heat")).to_be_visible()
    page.get_by_text("Find what a phrase means").click()
    type_into(page.locator("#refer-phrase textarea, #refer-phrase input"), "the house")
    page.keyboard.press("Enter")
    expect(page.locator("#refer-picture")).to_contain_text("the house")
    page.get_by_text("Describe the photo").click()
    page.click("#caption-go")
    expect(page.locator("#caption-text")).to_contain_text("house")
    faults |= seen(page, "look", scheme, screenshots)
    open_tab(page, "Two methods")
    page.locator(EXAMPLE).filter(visible=True).nth(1).click()
    for side in (1, 2):
        expect(page.locator(f"#compare-status-{side}")).to_contain_text(ENCODED)
    faults |= seen(page, "compare", scheme, screenshots)
    assert {name: found for name, found in faults.items() if found} == {}
    assert len(faults) == (6 if scheme == "desktop" else 3)
    assert no_wider_than_the_window(page)
    page.close()


@pytest.mark.controls(
    "look-examples",
    "option of kind textbox",
    "option of kind dropdown",
    "option of kind checkbox",
    "option of kind number",
    "look-more-options",
)
def test_a_method_is_chosen_with_its_options_and_both_are_in_the_record(
    new_page: Callable[[str, str], Page], address: str, tmp_path: Path
) -> None:
    page = new_page("desktop", address)
    expect(page.locator("#review-status")).to_contain_text("1 of 3")
    open_tab(page, "One photo")
    page.locator(EXAMPLE).filter(visible=True).first.click()
    expect(page.locator("#look-status")).to_contain_text(ENCODED)
    page.locator("#look-options > button").click()
    expect(page.locator("#option-local-weight")).to_have_count(0)
    choose(page, "gated")
    expect(page.locator("#method-card")).to_contain_text("the tags of an image prune the label list")
    expect(page.locator("#look-status")).to_contain_text(ENCODED)
    type_into(page.locator("#option-threshold textarea, #option-threshold input"), "top:2")
    page.keyboard.press("Enter")
    expect(page.locator("#look-masks .mask-legend button")).to_have_count(2)
    # an option that acts after encoding: the photo is known
    expect(page.locator("#look-status")).to_contain_text("from memory")
    page.locator("#look-more-options > button").click()
    page.locator("#option-reidentify input").uncheck()
    pick(page, "option-gate", "soft")
    type_into(page.locator("#option-local-weight input"), "0.7")
    type_into(page.locator("#option-max-patches input"), "900")
    page.keyboard.press("Enter")  # of one field: the others are sent with it
    for _ in range(100):  # the last answer is on its way
        values = page.evaluate(RECORD)
        if len(values.get("chosen", {}).get("options", {})) == len(CHOSEN):
            break
        page.wait_for_timeout(200)
    assert values["chosen"] == {"method": "gated", "options": CHOSEN}
    assert all(text in json.dumps(values["model"]) for text in ("top:2", "0.7", "900", "soft"))
    type_into(page.locator("#option-threshold textarea, #option-threshold input"), "some")
    page.keyboard.press("Enter")
    expect(page.locator("#look-status .refusal")).to_contain_text("threshold")
    page.close()


def choose(page: Page, method: str) -> None:
    pick(page, "look-method", re.compile(rf"^{method}\b"))  # its cost stands behind it


LACKING = {
    "trusty": "needs a trained part, and tiny has none; get one with: tagalign train --method trusty",
    "piaa": "needs a look at a folder",
}


def test_a_method_that_lacks_something_says_so_in_one_line(
    new_page: Callable[[str, str], Page], address: str
) -> None:
    page = new_page("desktop", address)
    expect(page.locator("#review-status")).to_contain_text("1 of 3")
    open_tab(page, "One photo")
    page.locator(EXAMPLE).filter(visible=True).first.click()
    expect(page.locator("#look-status")).to_contain_text(ENCODED)
    for method, words in LACKING.items():
        choose(page, method)
        expect(page.locator("#look-status .refusal")).to_contain_text(words)
        expect(page.locator("#look-masks .mask-panel")).to_have_count(0)
    page.close()
