"""Everything opened, by keyboard alone and under the eyes of axe: folder picker, options, suggestions, comparison."""

import re
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from axe_scan import grave_faults
from page_of_stub import look_at, open_tab
from playwright.sync_api import Page, expect

# gradio, its server and its client warn about each other's coming versions
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]

STOPS = """() => {
  window.stops = new Map();
  const seen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: false });
  const all = document.querySelectorAll("a[href], button, input, textarea, select, summary, [tabindex]");
  return [...all].filter((one) => one.tabIndex >= 0 && !one.disabled && seen(one) && one.type !== "file")
    .map((one, number) => { stops.set(one, number); return number; });
}"""
"""Whatever the Tab key should stop at, in the order of the page."""
AT = """() => {
  const one = document.activeElement;
  if (one === document.body || one === document.documentElement) return null;
  const box = one.getBoundingClientRect(), edge = (node) => { const style = getComputedStyle(node);
    return [style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1, style.boxShadow, style.borderColor]; };
  const shown = () => { const around = [one, one.parentElement, one.closest("label, .wrap, .wrap-inner, .container")];
    return JSON.stringify(around.filter(Boolean).map(edge)); };
  const lit = shown(), outlined = edge(one)[0];
  const text = one.getAttribute("aria-label") || one.id || one.innerText || one.closest("[id]").id;
  one.blur();
  const dark = shown();
  one.focus({ preventScroll: true });
  return { number: stops.has(one) ? stops.get(one) : -1, what: `${one.tagName} ${text}`.slice(0, 60),
    inside: box.bottom > 0 && box.top < innerHeight && box.width > 1 && box.height > 1, visible: outlined || lit !== dark };
}"""
"""Where the focus is; it shows when something around it looks otherwise without it."""
MOST_STOPS = 150


def walk(page: Page) -> list[str]:
    """Faults of a walk with the Tab key from the first stop of the page to the last."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.mouse.click(2, 2)
    stops, walked, faults = page.evaluate(STOPS), list[int](), list[str]()
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        at = page.evaluate(AT)
        if at is None or (walked and at["number"] == walked[0]):
            break
        walked.append(at["number"])
        faults += [f"{at['what']}: not in sight"] if not at["inside"] else []
        faults += [f"{at['what']}: its focus cannot be seen"] if not at["visible"] else []
        faults += [f"{at['what']}: no stop of the list"] if at["number"] < 0 else []
    else:
        faults.append("the walk does not end")
    assert len(stops) > 10
    twice = {one for one in walked if walked.count(one) > 1}
    return [*faults, *[f"stop {one} is not reached" for one in stops if one not in walked], *map(str, twice)]


def faults_in_both_schemes(page: Page) -> dict[str, list[str]]:
    """What axe finds in light and in dark; gradio's dark mode is a class of the body."""
    found = {}
    for scheme in ("light", "dark"):
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", scheme == "dark")
        page.wait_for_timeout(300)  # colours glide
        found[scheme] = grave_faults(page)
    page.evaluate("document.body.classList.remove('dark')")
    return found


NONE: dict[str, list[str]] = {"light": [], "dark": []}


def test_the_review_and_its_folder_picker(one_page: Page) -> None:
    page = one_page
    open_tab(page, "Review a folder")
    expect(page.locator("#review-photo img").first).to_be_visible()
    page.locator("#review-choose > button").press("Enter")
    page.locator("#review-options > button").press("Enter")
    assert walk(page) == []
    page.locator("#review-inside input").focus()
    expect(page.get_by_role("option", name=".. (one up)")).to_be_visible()
    assert faults_in_both_schemes(page) == NONE


def test_a_photo_with_options_and_suggestions(shared_page: Page, photos: Path) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    expect(page.locator("#look-masks svg g")).to_have_count(2)
    for name in ("options", "more-options", "heat", "refer", "caption"):
        page.locator(f"#look-{name} > button").press("Enter")
    page.click("#look-suggest")
    expect(page.locator("#look-suggested label").first).to_be_visible()
    # what a chosen name allows is a stop too
    page.locator("#look-masks .mask-legend button").first.press("Enter")
    assert walk(page) == []
    assert faults_in_both_schemes(page) == NONE


def test_a_comparison_with_its_answers(one_page: Page) -> None:
    page = one_page
    open_tab(page, "Two methods")
    page.locator("#compare-examples .gallery-item").first.press("Enter")
    for side in (1, 2):
        expect(page.locator(f"#compare-status-{side}")).to_contain_text(re.compile("2 labels"))
    assert walk(page) == []
    assert faults_in_both_schemes(page) == NONE
