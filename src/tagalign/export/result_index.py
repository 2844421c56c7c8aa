"""Results of a run, found by the key of their photo: only where each lies is held in memory."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tagalign.errors import DataError
from tagalign.export.instances import InstanceRows
from tagalign.export.photos import PhotoNames, named_sources
from tagalign.export.records import Annotated
from tagalign.export.results import read_mask, read_row
from tagalign.tasks.photos.result_labels import result_names
from tagalign.tasks.photos.tables import MASKS, TAGS


class ResultIndex:
    """The tags and masks of a run of ``tag`` or ``segment``.

    Attributes:
        names: labels of the run, ``background`` among them where it has one.
    """

    def __init__(self, folder: Path) -> None:
        """Look through the keys of a run.

        Raises:
            DataError: if there are no results, or a part cannot be read.
        """
        self.names = result_names(folder)
        self._rows = {
            key: (part, number)
            for table in (TAGS, MASKS)
            for part in sorted((folder / table.folder).glob(f"part-*{table.ending}"))
            for number, key in enumerate(_keys(part))
        }
        self._masks = {one.key: folder / f"{one.name}.png" for one in named_sources(folder)}
        self._instances = InstanceRows(folder, self.names)

    def find(self, key: str) -> Annotated | None:
        """What the run found in a photo; None where it holds nothing about it.

        Raises:
            DataError: if its file is damaged.
        """
        if key in self._rows:
            return _row(*self._rows[key], self.names)
        path = self._masks.get(key)
        if path is None or not path.exists():
            return None
        return replace(self._instances.added(read_mask(path, self.names), key), file_name=key)


def _keys(part: Path) -> list[str]:
    try:
        return [str(key) for key in pq.read_table(part, columns=["key"])["key"].to_pylist()]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"{part}: not a part of a result ({type(error).__name__}: {error})") from error


def _row(part: Path, number: int, names: tuple[str, ...]) -> Annotated:
    """One row, of the group that holds it alone."""
    try:
        with pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if number < count:
                    (row,) = file.read_row_group(group).slice(number, 1).to_pylist()
                    return read_row(row, names, PhotoNames(), {})
                number -= count
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DataError(f"{part}: not a part of a result ({type(error).__name__}: {error})") from error
    raise DataError(f"{part}: has become shorter; open the run again")
