"""Lines for people and for programs."""

import sys
from typing import Any

from tagalign.json_text import json_text


def print_json(value: Any) -> None:
    """One JSON object as one line on standard output; in ASCII where that stream holds no other letters."""
    is_wide = (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")
    print(json_text(value, ensure_ascii=not is_wide, default=str), flush=True)


def counted(count: int, thing: str) -> str:
    """A number and what it counts, as one says it.

    >>> counted(1, "photo"), counted(2000, "photo")
    ('1 photo', '2,000 photos')
    """
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
