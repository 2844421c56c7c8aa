"""``index.json`` of a search index: whose embeddings it holds, and what its tags mean. Nothing here needs torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.errors import DataError
from tagalign.json_text import json_text

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class IndexHead:
    """What ``index.json`` says.

    Attributes:
        model: identity of the ranker that made the embeddings.
        dim: of the embeddings.
        tag_names: what the tag ids mean.
    """

    model: Mapping[str, Any]
    dim: int
    tag_names: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> "IndexHead":
        """From an index folder.

        Raises:
            DataError: if there is no index, a damaged one, or one of a newer format.
        """
        path = folder / "index.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] > FORMAT:
                raise DataError(f"{path}: format {values['format']} is newer than {FORMAT}; upgrade tagalign")
            return cls(model=values["model"], dim=int(values["dim"]), tag_names=tuple(values["tag_names"]))
        except FileNotFoundError as error:
            raise DataError(
                f"{folder}: no search index here; make one with: tagalign search index PHOTOS --index {folder}"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: damaged ({error})") from error

    def write(self, folder: Path) -> None:
        """Into an index folder."""
        values = {
            "format": FORMAT,
            "model": dict(self.model),
            "dim": self.dim,
            "tag_names": list(self.tag_names),
        }
        with atomic_write(folder / "index.json") as temp:
            temp.write_text(json_text(values, indent=2, default=str) + "\n", encoding="utf-8")
