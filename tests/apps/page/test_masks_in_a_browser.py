"""The masks panel in a real browser, by pointer and by keyboard: isolated, faded, outlined, smoothed, enlarged, heated."""

from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from page_of_stub import look_at
from playwright.sync_api import Page, expect

# gradio, its server and its client warn about each other's coming versions
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


@pytest.mark.controls("masks-legend", "masks-heat", "look-heat", "heat-name")
def test_a_legend_entry_isolates_its_mask_and_asks_for_its_heat_map(shared_page: Page, photos: Path) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    panel = page.locator("#look-masks")
    entry = panel.locator("button").filter(has_text="cat 50 %")
    entry.focus()  # by keyboard, as by mouse
    expect(panel.locator(".mask-say")).to_have_text("cat · score 0.50 · 50 % of the photo")
    page.keyboard.press("Enter")
    expect(entry).to_have_attribute("aria-pressed", "true")
    assert panel.locator("svg g").evaluate_all("all => all.map(one => one.matches('.off'))") == [True, False]
    asked = panel.get_by_text("Heat map of the chosen name")
    asked.click()
    # on the same picture, and away again
    expect(panel.locator(".mask-canvas .heat")).to_be_visible()
    expect(panel.locator(".mask-say")).to_contain_text("Heat map of cat")
    expect(page.locator("#heat-scale")).to_contain_text("cat")
    expect(page.locator("#heat-scale")).to_be_visible()
    expect(panel.locator("svg .fill").last).not_to_be_visible()
    asked.click()
    expect(panel.locator(".heat")).to_have_count(0)
    expect(page.locator("#heat-scale")).not_to_be_visible()
    page.locator("#look-heat > button").click()
    page.locator("#heat-name input, #heat-name textarea").fill("a brown tail")
    page.keyboard.press("Enter")
    expect(panel.locator(".mask-say")).to_contain_text("Heat map of a brown tail")


@pytest.mark.controls("masks-opacity", "masks-outline", "masks-names", "look-go")
def test_masks_are_faded_outlined_and_named_and_stay_so(shared_page: Page, photos: Path) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    panel = page.locator("#look-masks .mask-panel")
    expect(panel.locator("svg text")).to_have_text(["dog", "cat"])
    panel.locator("svg g").first.hover()
    expect(panel.locator(".mask-say")).to_contain_text("dog · score 0.50")
    panel.get_by_label("Outline only").check()
    panel.get_by_label("Names").uncheck()
    panel.locator("[data-panel=opacity]").fill("20")
    for label in ("dog", "ant"):  # and after a new answer
        assert panel.locator(".fill").first.evaluate("one => getComputedStyle(one).fillOpacity") == "0"
        expect(panel.locator("svg text").first).not_to_be_visible()
        expect(panel.get_by_label("Outline only")).to_be_checked()
        if label == "dog":
            page.locator("#look-labels textarea").fill("ant, bee")
            page.click("#look-go")
            expect(panel.locator("button").filter(has_text="bee 50 %")).to_be_visible()
    panel.get_by_label("Outline only").uncheck()
    panel.get_by_label("Names").check()
    assert panel.locator(".fill").first.evaluate("one => getComputedStyle(one).fillOpacity") == "0.2"


@pytest.mark.controls("masks-least")
def test_the_slider_hides_masks_of_a_lower_score_and_says_how_many_are_left(
    shared_page: Page, photos: Path
) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    panel = page.locator("#look-masks .mask-panel")
    slider = panel.locator("[data-panel=least]")
    slider.focus()
    for key, left in (("End", 0), ("Home", 2)):  # by keyboard; the stub's scores are one half
        page.keyboard.press(key)
        expect(panel.locator(".mask-say")).to_have_text(f"{left} of 2 masks have this score or more")
        expect(panel.locator("svg g:not(.weak)")).to_have_count(left)
    expect(panel.locator("output")).to_have_text("0.00")


@pytest.mark.controls(
    "masks-stage",
    "masks-zoom-in",
    "masks-zoom-out",
    "masks-zoom-whole",
    "masks-key-+",
    "masks-key-=",
    "masks-key--",
    "masks-key-ArrowLeft",
    "masks-key-ArrowRight",
    "masks-key-ArrowUp",
    "masks-key-ArrowDown",
    "masks-key-0",
    "masks-key-n",
    "masks-key-p",
    "masks-key-Enter",
    "masks-key-Escape",
    "masks-legend-ArrowRight",
    "masks-legend-ArrowLeft",
    "masks-legend-ArrowDown",
    "masks-legend-ArrowUp",
    "masks-whole",
)
def test_the_photo_is_enlarged_moved_and_walked_by_keyboard(shared_page: Page, photos: Path) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    panel = page.locator("#look-masks .mask-panel")
    stage, say = panel.locator(".mask-stage"), panel.locator(".mask-say")

    def place() -> list[float]:
        """Scale, and where the left upper corner lies."""
        found = panel.locator(".mask-canvas").evaluate("one => getComputedStyle(one).transform")
        numbers = [float(one) for one in found.removeprefix("matrix(").strip(")").split(",")]
        return [numbers[0], *numbers[4:]]

    size = panel.locator("svg text").first.evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
    stage.focus()
    page.keyboard.press("+")
    scale, x, y = place()
    assert (scale, x < 0, y < 0) == (1.5, True, True)
    for _ in range(3):
        page.keyboard.press("ArrowLeft")  # never beyond the border
    assert place()[1] == 0
    expect(panel.locator("[data-panel=zoom-whole]")).to_have_text("150 %")
    named = panel.locator("svg text").first
    assert named.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") == pytest.approx(
        size / 1.5, rel=1e-3
    )  # a browser rounds
    panel.locator("[data-panel=zoom-in]").click()
    assert place()[0] == 2.25
    box = stage.bounding_box()
    assert box is not None
    before = place()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 90, steps=3)
    page.mouse.up()
    assert place()[1] == pytest.approx(before[1] - 40, abs=1)
    expect(panel.locator(".mask-legend button").first).to_have_attribute("aria-pressed", "false")  # no click
    panel.locator("[data-panel=zoom-out]").click()
    assert place()[0] == 1.5
    for key, way in (("ArrowRight", (-60, 0)), ("ArrowDown", (0, -60)), ("ArrowUp", (0, 60))):
        before = place()
        stage.focus()
        page.keyboard.press(key)
        # the border stops it: never further than asked, and not the other way (a browser rounds)
        moved = [now - then for now, then in zip(place()[1:], before[1:], strict=True)]
        assert all(
            min(0, most) - 0.01 <= one <= max(0, most) + 0.01 for one, most in zip(moved, way, strict=True)
        )
        assert max(map(abs, moved)) > 1
    page.keyboard.press("-")
    expect(panel.locator("[data-panel=zoom-whole]")).to_have_text("100 %")
    page.keyboard.press("=")  # plus without its shift key
    assert place()[0] == 1.5
    panel.locator("[data-panel=zoom-whole]").click()
    expect(panel.locator("[data-panel=zoom-whole]")).to_have_text("100 %")
    stage.focus()
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert panel.locator(".mask-canvas").evaluate("one => one.style.transform") == ""
    for name in ("dog", "cat"):
        page.keyboard.press("n")
        expect(say).to_contain_text(f"{name} · score")
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    expect(panel.locator(".mask-legend button").filter(has_text="dog")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("Escape")
    expect(panel.locator("svg g.off")).to_have_count(0)
    panel.locator(".mask-legend button").first.focus()
    for key, name in (("ArrowRight", "cat"), ("ArrowLeft", "dog"), ("ArrowDown", "cat"), ("ArrowUp", "dog")):
        page.keyboard.press(key)
        expect(say).to_contain_text(f"{name} · score")
    panel.locator("svg g").first.click()  # a mask itself, as its name
    expect(panel.locator("svg g.off")).to_have_count(1)
    panel.get_by_role("button", name="All masks").click()
    expect(panel.locator("svg g.off")).to_have_count(0)
    expect(panel.get_by_role("button", name="All masks")).to_be_disabled()


@pytest.mark.controls("masks-smooth")
def test_edges_are_smoothed_within_three_units_and_come_back_as_they_were(
    shared_page: Page, photos: Path
) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    panel = page.locator("#look-masks .mask-panel")
    paths = "all => all.map(one => one.getAttribute('d'))"
    exact = panel.locator("path").evaluate_all(paths)
    areas = (
        "all => all.map(one => { const box = one.getBBox(); return [box.x, box.y, box.width, box.height]; })"
    )
    boxes = panel.locator("path.fill").evaluate_all(areas)
    panel.get_by_label("Smooth edges").check()
    smooth = panel.locator("path").evaluate_all(paths)
    assert all("L" in one for one in smooth)
    # half a photo, 200 x 300: what is drawn anew lies within 4 units of a corner, so that long edges stay where they are
    left = [tuple(map(float, one.split())) for one in smooth[0][1:-1].split("L")]
    assert len(left) == 16
    assert all(min(x, 200 - x) <= 4 and min(y, 300 - y) <= 4 for x, y in left)
    # long edges keep their place: only corners are cut
    assert panel.locator("path.fill").evaluate_all(areas) == boxes
    panel.get_by_label("Smooth edges").uncheck()
    assert panel.locator("path").evaluate_all(paths) == exact


def test_the_hint_keeps_off_the_photo_and_the_sliders_stand_in_one_line(
    shared_page: Page, photos: Path
) -> None:
    """Gradio's own rules for paragraphs and fields are stronger than they look: what counts is where things stand."""
    page = shared_page
    look_at(page, photos / "a.png")
    panel = page.locator("#look-masks .mask-panel")
    photo, legend = panel.locator(".mask-stage").bounding_box(), panel.locator(".mask-legend").bounding_box()
    letters = panel.locator(".mask-say").evaluate(
        "line => { const r = document.createRange(); r.selectNodeContents(line); const b = r.getBoundingClientRect();"
        " return [b.top, b.bottom]; }"
    )
    assert photo is not None
    assert legend is not None
    least_px = 4.0  # of the 4.8 that the page's 0.3rem are
    assert letters[0] - photo["y"] - photo["height"] >= least_px
    assert legend["y"] - letters[1] >= least_px
    sliders = panel.locator("input[type=range]").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().top)"
    )
    assert len(set(sliders)) == 1
