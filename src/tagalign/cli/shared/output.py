"""What goes to standard output."""

import sys
from typing import Any

from tagalign.json_text import json_text


def print_json(value: Any) -> None:
    """One JSON object as one line on standard output; in ASCII where that stream holds no other letters."""
    is_wide = (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")
    print(json_text(value, ensure_ascii=not is_wide, default=str), flush=True)
