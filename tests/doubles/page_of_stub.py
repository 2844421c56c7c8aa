"""The page over a method whose answers are known, open in a browser; one server answers all tests of a file."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tagalign.methods.thresholds import parse_threshold
from tagalign.testing.stub_method import StubMethod
from tagalign.types import EncodedLabels, Tagging

LOOK = "look at a folder"


class ChoosyStub(StubMethod):
    """Tags one label, the last one where it has a look; none where background words compete: every control shows."""

    step = None
    tag_threshold = parse_threshold("top:1")

    def __init__(self, *, last: bool = False) -> None:
        super().__init__()
        self.last = last

    def look_facts(self) -> dict[str, Any]:
        return {}

    def with_look(self, path: Path) -> "ChoosyStub":
        return ChoosyStub(last=not self.last)

    def tag(self, image: Any, labels: EncodedLabels) -> Tagging:
        chosen = () if labels.label_set.background else (len(labels.names) - 1 if self.last else 0,)
        return replace(super().tag(image, labels), chosen=chosen)


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

    studio = Studio(
        lambda name: Model(ChoosyStub(last=name == "second")),
        ["first", "second"],
        looks={LOOK: photos},
    )
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


@pytest.fixture(scope="module")
def one_page(new_page: Callable[[str, str], Any], stub_address: str) -> Iterator[Any]:
    """The page once for all tests of a file: loading it takes longer than what most of them do with it."""
    page = new_page("desktop", stub_address)
    yield page
    page.close()


@pytest.fixture
def shared_page(one_page: Any) -> Any:
    """That page without a photo, with the labels that it was started with; what else a test changes it puts back."""
    open_tab(one_page, "One photo")
    taken = one_page.locator("#look-photo button[aria-label='Remove Image']")
    if taken.count():
        taken.click()
        one_page.wait_for_selector("#look-masks .mask-panel", state="detached")
    one_page.locator("#look-labels textarea").fill("dog, cat")
    return one_page


def open_tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def look_at(page: Any, photo: Path) -> None:
    """Drop a photo on the first tab, and wait for its answer."""
    from playwright.sync_api import expect

    open_tab(page, "One photo")
    page.set_input_files("#look-photo input[type=file]", str(photo))
    expect(page.locator("#look-status")).to_contain_text(photo.name)
