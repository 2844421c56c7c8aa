"""Where what can be made again is kept between runs."""

import os
from pathlib import Path


def default_cache_dir() -> Path:
    """``TAGALIGN_CACHE``, else ``tagalign`` below the user's cache folder."""
    if chosen := os.environ.get("TAGALIGN_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tagalign"
