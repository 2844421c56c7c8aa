"""Rows to Arrow tables: equal to pyarrow's own conversion, without its import of pandas."""

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagalign.arrow_rows import table_from_rows

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("size", pa.list_(pa.int32())),
        ("counts", pa.list_(pa.binary())),
        ("names", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        ("id", pa.int64()),
        ("margin", pa.float64()),
        ("nested", pa.list_(pa.list_(pa.float32()))),
    ]
)
INT32 = st.integers(-(2**31), 2**31 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False)
VALUES = {
    "key": st.text(),
    "size": st.lists(INT32, max_size=3),
    "counts": st.lists(st.binary(), max_size=3),
    "names": st.lists(st.none() | st.text(), max_size=3),
    "scores": st.lists(FLOAT32, max_size=3),
    "id": st.integers(-(2**63), 2**63 - 1),
    "margin": st.floats(allow_nan=False),
    "nested": st.lists(st.none() | st.lists(FLOAT32, max_size=2), max_size=2),
}
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={name: st.none() | value for name, value in VALUES.items()}),
    max_size=5,
)


# the first draw waits for pyarrow's own import of pandas
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_rows_become_what_pyarrow_makes_of_them(rows):
    found = table_from_rows(rows, SCHEMA)
    found.validate(full=True)
    assert found.equals(pa.Table.from_pylist(rows, schema=SCHEMA))


def test_no_row_is_an_empty_table():
    assert table_from_rows([], SCHEMA).num_rows == 0


def test_another_type_is_named():
    with pytest.raises(TypeError, match="bool"):
        table_from_rows([{"a": True}], pa.schema([("a", pa.bool_())]))


def test_a_number_that_does_not_fit_is_refused():
    with pytest.raises(OverflowError):
        table_from_rows([{"a": 2**31}], pa.schema([("a", pa.int32())]))


def test_pandas_is_not_imported():
    code = """
import sys
import pyarrow as pa
from tagalign.arrow_rows import table_from_rows
table_from_rows([{"a": "b"}], pa.schema([("a", pa.string())]))
sys.exit("pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
