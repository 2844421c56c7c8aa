"""The queue of a run, most doubtful photos first, in a real browser: desktop, dark and at the width of a phone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tagalign.apps.page.page import build_page, launch
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.studio import Studio
from tagalign.tasks.model import Model
from tagalign.tasks.photos.rows import TAG_SCHEMA, write_rows
from tagalign.tasks.review.queue import read_queue
from tagalign.testing.stub_method import StubMethod

# gradio, its server and its client warn about each other's coming versions
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def queue_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A run that is sure of a.png and not of b.png; of six photos the fifth place is a draw."""
    folder, run = tmp_path_factory.mktemp("six"), tmp_path_factory.mktemp("run")
    for name in "abcdef":
        Image.new("RGB", (400, 300), "navy").save(folder / f"{name}.png")
    doubts = dict(zip("abcdef", (0.1, 0.9, 0.5, 0.4, 0.3, 0.2), strict=True))
    rows = [
        {
            "key": str(folder / f"{name}.png"),
            "size": [300, 400],
            "tags": ["cat"],
            "scores": [0.4, 0.6],
            "errors": value,
        }
        for name, value in doubts.items()
    ]
    write_rows(run / "tags" / "part-00000-of-00001-000000.parquet", rows, TAG_SCHEMA)
    queue = read_queue(run, ("dog", "cat"))
    store = ReviewStore(Path.cwd(), [one.key for one in queue.photos], run / "review", queue=queue)
    studio = Studio(lambda name: Model(StubMethod()), ["first"])
    page = build_page(studio, model="stub", examples=[], labels="dog, cat", review=store)
    _, url, _ = launch(page, host="127.0.0.1", port=0, out=store.out, wait=False)
    yield url
    page.close()


@pytest.mark.parametrize("scheme", ["phone", "dark", "desktop"])
def test_a_queue_shows_the_doubtful_first_and_says_how_many_tags_are_right(
    new_page: Callable[[str, str], Page], queue_address: str, screenshots: Path, scheme: str
) -> None:
    """Every scheme takes its own click back, so that each begins with the same review."""
    page = new_page(scheme, queue_address)
    status = page.locator("#review-status")
    expect(status).to_contain_text("b.png · 1 of 6")
    # the dark mode of the system is that of the page
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    expect(status).to_contain_text("doubtful")
    expect(status).to_contain_text("not known before")
    # the tags of the run are judged, not those of this moment (the stub says dog)
    expect(page.locator("#review-tags input[type=checkbox]:checked")).to_have_count(1)
    expect(page.get_by_label("cat", exact=True).first).to_be_checked()
    page.screenshot(path=str(screenshots / f"queue-{scheme}.png"), full_page=True)
    buttons = [page.locator(f"#review-{name}") for name in ("accept", "skip", "back", "undo")]
    assert len({button.evaluate("b => `${b.offsetWidth} ${b.offsetHeight}`") for button in buttons}) == 1
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide
    for number in range(2, 7):
        status.click()
        page.keyboard.press("a")
        expect(status).to_contain_text(f"{number} of 6")
    page.keyboard.press("a")
    expect(status).to_contain_text("about 100 % of the run's tags are right")
    expect(status).to_contain_text("0 open")
    page.screenshot(path=str(screenshots / f"queue-{scheme}-done.png"), full_page=True)
    for left in range(1, 7):
        page.keyboard.press("z")
        expect(status).to_contain_text(f"{left} open")
    page.close()
