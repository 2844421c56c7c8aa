"""What ``option`` is told of the options that several taggers have."""

from typing import Any

ALIASES = "a label scores as its best alias, where the label set has aliases"

LOOK: dict[str, Any] = {
    "text": "a look at the folder: scores become deviations from what the folder shows (tagalign look)",
    "source": "SPARC, arXiv:2502.16911",
    "given_by": "--look",
}

THRESHOLD: dict[str, Any] = {"text": "which labels are chosen as tags", "given_by": "--threshold"}
