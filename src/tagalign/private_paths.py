"""Records of a run without the folders of the machine it ran on: they name people, customers and disks."""

import re
from typing import Any

# a path from the root, the home or a drive; addresses (https://host/x) and fractions (a/b) are none
_PATH = re.compile(r"(?<![\w.:/~\\])(?:~|/|[A-Za-z]:[\\/]|\\\\)[^\s'\",;=]*[\\/](?P<name>[^\s\\/'\",;=]*)")
_WHOLE = re.compile(r"(?:~|/|[A-Za-z]:[\\/]|\\\\).*[\\/](?P<name>[^\\/]+)[\\/]?")


def without_folders(value: Any) -> Any:
    r"""JSON values with every absolute path cut to its last name, also inside of longer texts.

    >>> without_folders({"data": ["/home/me/pairs.tar"], "command": "train --out=~/runs/a --model org/clip"})
    {'data': ['pairs.tar'], 'command': 'train --out=a --model org/clip'}
    """
    if isinstance(value, dict):
        return {without_folders(key): without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    if not isinstance(value, str):
        return value
    if whole := _WHOLE.fullmatch(value):  # may hold blanks
        return whole["name"]
    return _PATH.sub(lambda found: found["name"], value)
