"""Numbers that papers print, with what it takes to measure each of them here."""

from tagalign.evaluate.published.numbers import Published, find_numbers, published_numbers

__all__ = ["Published", "find_numbers", "published_numbers"]
