"""Draw the pictures of the web page in the documentation: python runs/draw_page.py [docs/images].

The page of ``tiny`` with drawn scenes, in a browser that nobody sees; needs Chromium and playwright.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tagalign.apps.page.page import launch
from tagalign.cli.verbs.app import AppSettings, make_page
from tagalign.data.tiny_world import TinyWorld

WIDTH, HEIGHT = 1280, 900
WAIT_MS = 120_000
SETTLED_MS = 2_000
"""After the answer: the page asks its server for ever, so that its network is never idle."""
COLORS = 200
SCENES = 3


def main(folder: Path) -> None:
    """Open the page, look at a scene, review another, and keep what is seen."""
    with tempfile.TemporaryDirectory() as temp:
        photos, out = Path(temp) / "photos", Path(temp) / "out"
        photos.mkdir()
        for i, scene in enumerate(TinyWorld(seed=3, split="test").take(SCENES)):
            Image.fromarray(scene.image).save(photos / f"scene {i + 1}.png")
        page, _ = make_page(AppSettings(model="tiny", method="surgery", review=photos, out=out))
        _, address, _ = launch(page, host="127.0.0.1", port=0, out=out, wait=False)
        browser_path = shutil.which("chromium") or shutil.which("google-chrome")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            seen = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            seen.set_default_timeout(WAIT_MS)
            seen.goto(address)
            save(review(seen), folder / "app-review.png")
            save(look(seen), folder / "app-look.png")
            browser.close()
        page.close()


def review(page: Page) -> bytes:
    """The tab of the review with its first photo."""
    page.wait_for_selector("#review-photo img")
    page.wait_for_timeout(SETTLED_MS)
    return page.screenshot(full_page=True)


def look(page: Page) -> bytes:
    """The first tab: masks of a scene, one of them pointed at by keyboard."""
    page.get_by_role("tab", name="One photo").click()
    page.locator(".gallery-item, .gallery button").filter(visible=True).first.click()
    page.wait_for_selector("#look-masks .mask-legend button")
    page.locator("#look-masks").get_by_label("Smooth edges").check()
    page.locator("#look-masks .mask-legend button").nth(1).focus()
    page.wait_for_function("document.querySelector('#look-masks .mask-say').textContent.includes('score')")
    page.wait_for_timeout(SETTLED_MS)
    return page.screenshot(full_page=True)


def save(shot: bytes, path: Path) -> None:
    """Three quarters of the size, in few colours: a page of text does not need more."""
    with Image.open(io.BytesIO(shot)) as image:
        small = image.convert("RGB").resize((image.width * 3 // 4, image.height * 3 // 4))
        small.quantize(COLORS).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
