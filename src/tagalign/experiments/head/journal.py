"""The numbers of a table on disk: a table that is broken off goes on, and one whose settings changed begins anew."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.errors import DataError
from tagalign.json_text import json_text


class Journal:
    """Results by encoder and cell.

    Attributes:
        path: one JSON object: ``settings``, ``values`` and, once a table was concluded, its ``claims``.
        settings: what must be the same for old values to count.
        claims: directions of the paper, see ``experiments/claims``.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self.settings = path, dict(settings)
        self.claims: list[dict[str, Any]] = []
        self._values: dict[str, dict[str, Any]] = {}
        if path.exists():
            self._values = _read(path, self.settings)

    def get(self, model: str, key: str) -> dict[str, Any] | None:
        """What was measured, or None."""
        return self._values.get(model, {}).get(key)

    def of(self, model: str) -> dict[str, Any]:
        """All that was measured with an encoder."""
        return self._values.get(model, {})

    def add(self, model: str, key: str, values: Mapping[str, Any]) -> None:
        """Keep a result; the file is written whole."""
        self._values.setdefault(model, {})[key] = dict(values)
        self._write()

    def conclude(self, claims: Sequence[Mapping[str, Any]]) -> None:
        """Keep what the numbers say of the paper's directions."""
        self.claims = [dict(claim) for claim in claims]
        self._write()

    def _write(self) -> None:
        kept = {"settings": self.settings, "claims": self.claims, "values": self._values}
        with atomic_write(self.path) as temp:
            temp.write_text(json_text(kept, indent=1) + "\n", encoding="utf-8")


def _read(path: Path, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        values: dict[str, dict[str, Any]] = kept["values"]
        same = kept["settings"] == json.loads(json_text(settings))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected the results of a table ({error}); move it away") from error
    return values if same else {}
