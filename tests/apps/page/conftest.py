"""A browser, a folder for pictures of the page, and the page over a method whose answers are known."""

import asyncio
import gc
import warnings
from collections.abc import Iterator

import pytest
from browser_pages import browser, new_page, screenshots
from page_of_stub import one_page, out, page, photos, shared_page, stub_address

__all__ = [
    "browser",
    "new_page",
    "one_page",
    "out",
    "page",
    "photos",
    "screenshots",
    "shared_page",
    "stub_address",
]


@pytest.fixture(scope="module", autouse=True)
def loops_of_gradio() -> Iterator[None]:
    """A page that is built leaves event loops open: cleared away here, or a test far from here would hear of them."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.set_event_loop(None)
        gc.collect()
