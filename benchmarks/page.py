"""Seconds from a photo dropped on the page of ``tiny`` to its first masks on the screen, in a real browser.

A photo of 8 megapixels (3264 x 2448, JPEG): sent, read, shrunk to the size of the screen, encoded, answered, drawn. The
first question of a fresh page counts as ``first``: it pays for the encoding of the labels too. Then other photos of the same
size (``later``), and a change of labels on a known photo (``labels``). Medians of ``--repeats`` pages; prints one JSON line
with the load of the machine. Needs Chromium and playwright. Run: python benchmarks/page.py [--repeats 3]
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tagalign.apps.page.page import launch
from tagalign.cli.verbs.app import AppSettings, make_page

WIDTH, HEIGHT = 3264, 2448
LABELS = "dog, car, tree, grass, sky, house, water, sand"
OTHER_LABELS = "cat, boat, tent, snow, street"
WAIT_MS = 60_000


def main() -> None:
    """Measure fresh pages one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as temp, sync_playwright() as playwright:
        photos = [photo(Path(temp), seed) for seed in range(3)]
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        rounds = [measure(browser, photos) for _ in range(repeats)]
        browser.close()
    seconds = {name: round(median(one[name] for one in rounds), 2) for name in rounds[0]}
    print(json.dumps({"photo": [WIDTH, HEIGHT], "seconds": seconds, "load": os.getloadavg()}))


def photo(folder: Path, seed: int) -> Path:
    """Smooth noise with grain: as hard to decode as a photo of its size, and no two alike."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (HEIGHT // 64, WIDTH // 64, 3), dtype=np.uint8))
    grain = rng.normal(0, 6, (HEIGHT, WIDTH, 1))
    pixels = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) + grain
    path = folder / f"photo {seed}.jpg"
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return path


def measure(browser: Browser, photos: list[Path]) -> dict[str, float]:
    """One page with models of its own."""
    app, _ = make_page(AppSettings(model="tiny", method="surgery", labels=LABELS))
    _, address, _ = launch(app, host="127.0.0.1", port=0, out=None, wait=False)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#look-photo input[type=file]", state="attached")
    found = {"first": dropped(page, photos[0])}
    found["later"] = median(dropped(page, path) for path in photos[1:])
    start = time.perf_counter()
    page.locator("#look-labels textarea").fill(OTHER_LABELS)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#look-status').textContent.includes('of 5 labels')")
    found["labels"] = time.perf_counter() - start
    page.close()
    app.close()
    return found


def dropped(page: Page, path: Path) -> float:
    """Until masks and status are those of this photo."""
    taken = page.locator("#look-photo button[aria-label*=lear]")
    if taken.count():
        taken.first.click()
        page.wait_for_selector("#look-photo input[type=file]", state="attached")
    start = time.perf_counter()
    page.set_input_files("#look-photo input[type=file]", str(path))
    page.wait_for_function(
        "name => document.querySelector('#look-status').textContent.includes(name)"
        " && document.querySelector('#look-masks svg g')",
        arg=path.name,
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
