"""Rows of plain Python values as an Arrow table, without asking whether one of the values belongs to pandas.

``pyarrow.array`` of a list imports pandas wherever it is installed, to look for its types: half a second at the end of
every short command. Buffers that are made here need no such question.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

_NUMBERS = {pa.int32(): np.int32, pa.int64(): np.int64, pa.float32(): np.float32, pa.float64(): np.float64}
_MOST = np.iinfo(np.int32).max


def table_from_rows(rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> pa.Table:
    """What ``pa.Table.from_pylist`` gives, for strings, bytes, 32- and 64-bit numbers, and lists of them.

    Args:
        rows: field -> value; a field that is missing is null.
        schema: the fields, in order.

    Raises:
        TypeError: if the schema has a type of another kind.
        OverflowError: if the texts or lists of a column hold more than 2**31 - 1 bytes or values; take fewer rows.
    """
    columns = [_array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    present = np.array([value is not None for value in values], dtype=bool)
    validity = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
    if pa.types.is_list(kind):
        parts = [[] if value is None else list(value) for value in values]
        inner = _array([item for part in parts for item in part], kind.value_type)
        buffers = [validity, pa.py_buffer(_offsets(parts))]
        return pa.Array.from_buffers(kind, len(values), buffers, children=[inner])
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        texts = [_bytes(value) for value in values]
        buffers = [validity, pa.py_buffer(_offsets(texts)), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(kind, len(values), buffers)
    if kind not in _NUMBERS:
        raise TypeError(f"expected strings, bytes, numbers of 32 or 64 bits or lists of them, got {kind}")
    numbers = np.array([0 if value is None else value for value in values], dtype=_NUMBERS[kind])
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(numbers)])


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _offsets(parts: Sequence[Sequence[object]]) -> np.ndarray:
    ends = np.cumsum([0, *map(len, parts)])
    if ends[-1] > _MOST:
        raise OverflowError(
            f"a column of {ends[-1]:,} bytes or values does not fit one table; take fewer rows"
        )
    return ends.astype(np.int32)
