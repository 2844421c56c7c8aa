"""The page over a method whose answers are known, open in a browser; one server answers all tests of a file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name, color in (("a.png", "red"), ("b.png", "green")):
        Image.new("RGB", (400, 300), color).save(folder / name)
    (folder / "c.jpg").write_text("not an image")
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def stub_address(photos: Path, out: Path) -> Iterator[str]:
    # the app extra is needed by the tests that ask for the page alone
    from tagalign.apps.page.page import build_page, launch
    from tagalign.apps.page.review_opening import open_place, photos_of
    from tagalign.apps.page.review_store import ReviewStore
    from tagalign.apps.page.studio import Studio
    from tagalign.tasks.model import Model
    from tagalign.testing.stub_method import StubMethod

    studio = Studio(lambda name: Model(StubMethod()), ["first", "second"])
    page = build_page(
        studio,
        model="stub",
        examples=[str(photos / "a.png")],
        labels="dog, cat",
        review=ReviewStore(photos, photos_of(photos), out),
        opener=lambda name: open_place(Path(name), None),
        notice=True,
    )
    _, url, _ = launch(page, host="127.0.0.1", port=0, out=out, wait=False)
    yield url
    page.close()


@pytest.fixture
def page(new_page: Callable[[str, str], Any], stub_address: str) -> Iterator[Any]:
    from playwright.sync_api import expect

    page = new_page("desktop", stub_address)
    expect(page.locator("#review-status")).to_contain_text(" of 3")
    yield page
    page.close()


def open_tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def look_at(page: Any, photo: Path) -> None:
    """Drop a photo on the first tab, and wait for its answer."""
    from playwright.sync_api import expect

    open_tab(page, "One photo")
    page.set_input_files("#look-photo input[type=file]", str(photo))
    expect(page.locator("#look-status")).to_contain_text(photo.name)
