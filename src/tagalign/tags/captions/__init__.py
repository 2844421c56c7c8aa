"""Captions of any source, row by row: JSONL, CSV, TSV, TXT, Parquet, tars, JSON documents, folders of photos; packed or not.

Nothing is held in memory but the current row (a tar's headers, a JSON document). A record that cannot be used becomes a
``BadRow``; a file that cannot be read at all raises. ``rows`` has the one rule of keys, ``sources`` what inputs mean.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from tagalign.errors import DataError
from tagalign.tags.captions.folders import folder_rows, folder_samples
from tagalign.tags.captions.rows import BadRow, CaptionRow, ReadRow, RowRule
from tagalign.tags.captions.sources import (
    FILE_READERS,
    TAR,
    CaptionSource,
    files_below,
    find_sources,
    known_kind,
)
from tagalign.tags.captions.tars import tar_rows
from tagalign.tags.text_files import UNPACKING_ERRORS

__all__ = ["BadRow", "CaptionRow", "CaptionSource", "ReadRow", "RowRule", "find_sources", "read_captions"]


def read_captions(
    path: str | Path, *, caption_column: str = "caption", key_column: str = "key"
) -> Iterator[ReadRow]:
    """Stream the captions of one source.

    Args:
        path: a file with one of the endings of ``ENDINGS``, plus ``.gz``, ``.bz2``, ``.xz`` or ``.zst``; or a folder of
            photos with captions beside them.
        caption_column: name of the field; for CSV and TSV without a header line its number, from 0.
        key_column: likewise. A row without it gets its ``image`` field, else ``STEM:ROW``.

    Yields:
        A ``CaptionRow`` or a ``BadRow``, in the order of the file.

    Raises:
        InputError: if the ending is not known.
        DataError: if the file cannot be opened, is cut off, or lacks a column.
    """
    path = Path(path)
    rule = RowRule.of(path, caption=caption_column, key=key_column)
    try:
        yield from _rows(path, rule)
    except (*UNPACKING_ERRORS, tarfile.TarError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _rows(path: Path, rule: RowRule) -> Iterator[ReadRow]:
    if path.is_dir():
        return folder_rows(path, folder_samples(path, files_below(path)), rule)
    kind, packing = known_kind(path)
    return tar_rows(path, rule, packing) if kind == TAR else FILE_READERS[kind](path, rule)
