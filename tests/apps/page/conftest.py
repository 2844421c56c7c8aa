"""A browser, a folder for pictures of the page, and the page over a method whose answers are known."""

from browser_pages import browser, new_page, screenshots
from page_of_stub import out, page, photos, stub_address

__all__ = ["browser", "new_page", "out", "page", "photos", "screenshots", "stub_address"]
