"""The labels that a folder of results was asked for."""

import json
from pathlib import Path

from tagalign.errors import DataError

SETTINGS = "settings.json"


def result_names(folder: Path) -> tuple[str, ...]:
    """The labels of a run, from its ``settings.json``.

    Raises:
        DataError: if the file is missing, damaged, or names no labels.
    """
    path = folder / SETTINGS
    try:
        names = json.loads(path.read_text(encoding="utf-8"))["labels"]
    except FileNotFoundError as error:
        raise DataError(
            f"{folder}: {SETTINGS} is missing, so nobody knows what the ids mean; give a folder that tagalign tag or "
            "tagalign segment wrote"
        ) from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(
            f"{path}: expected a list of labels in it ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: expected 'labels' to be a list of names")
    return tuple(names)
