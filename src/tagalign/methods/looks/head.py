"""The head of a look on disk: whether one is there, and whether this release reads it. Nothing here needs torch."""

import json
from pathlib import Path
from typing import Any

from tagalign.errors import InputError

FORMAT, VERSION = "tagalign-look", 1
HEAD = "look.json"


def read_head(path: Path) -> tuple[Path, dict[str, Any]]:
    """Where the head of a look lies, and what it says.

    Args:
        path: of its folder, or of the head.

    Raises:
        InputError: if there is none, it is no JSON, or another release wrote it.
    """
    head = path / HEAD if path.is_dir() else path
    try:
        values: dict[str, Any] = json.loads(head.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise missing_look(path, head.name) from error
    except (OSError, ValueError) as error:
        raise unreadable_look(head, error) from error
    _refuse_other_format(head, values)
    return head, values


def missing_look(path: Path, name: str) -> InputError:
    """The refusal of a look without one of its files."""
    return InputError(
        f"{path}: no look is there ({name} is missing); "
        "make one with: tagalign look PHOTOS --labels ... --out LOOK"
    )


def unreadable_look(head: Path, error: Exception) -> InputError:
    """The refusal of a look that is damaged."""
    return InputError(f"{head}: expected a look that tagalign look wrote, could not read it ({error})")


def _refuse_other_format(head: Path, values: Any) -> None:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{head}: expected a look that tagalign look wrote, got something else")
    if values.get("version") != VERSION:
        raise InputError(
            f"{head}: a look of version {values.get('version')}, this release reads version {VERSION}; "
            "look at the folder again (tagalign look)"
        )
