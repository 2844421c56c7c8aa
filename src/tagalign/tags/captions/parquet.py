"""Captions in Parquet; an image column that holds encoded files is not read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tagalign.errors import DataError
from tagalign.tags.captions.rows import IMAGE, KEY, ReadRow, RowRule, find_field


def parquet_rows(path: Path, rule: RowRule) -> Iterator[ReadRow]:
    """Row by row; numbers of rows begin at 1.

    Raises:
        DataError: if it is no Parquet file, is cut off, or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = caption_columns(path, file.schema_arrow, rule)
            number = 0
            for batch in file.iter_batches(batch_size=4096, columns=columns):
                for record in batch.to_pylist():
                    number += 1
                    yield rule.row(record, number)
    except pa.ArrowException as error:
        raise DataError(f"cannot read {path}: {error}") from error


def caption_columns(path: Path, schema: Any, rule: RowRule) -> list[str]:
    """The columns with captions, keys and, where they are paths, images.

    Raises:
        DataError: if the first is missing, or one for the keys that was named.
    """
    names = tuple(schema.names)
    caption, key, image = (find_field(names, name) for name in (rule.caption, rule.key, IMAGE))
    if caption is None or (key is None and rule.key != KEY):
        wanted = rule.caption if caption is None else rule.key
        raise DataError(
            f"{path} has the columns {', '.join(names)[:200]}, none of them is {wanted!r}; "
            "name the ones with the captions and the keys"
        )
    if twins := [name for name in (caption, key, image) if name is not None and names.count(name) > 1]:
        raise DataError(f"{path} has two columns called {twins[0]!r}; rename one of them")
    found = [caption, key, image if image is not None and is_text(schema.field(image).type) else None]
    return [name for name in found if name is not None]


def is_text(kind: Any) -> bool:
    """Whether a column holds texts, however they are packed."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
