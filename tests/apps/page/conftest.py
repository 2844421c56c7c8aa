"""A browser, and a folder for pictures of the page."""

from browser_pages import browser, new_page, screenshots

__all__ = ["browser", "new_page", "screenshots"]
