"""What is written is JSON for every reader, and equal to Python's own text wherever that is JSON too."""

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tagalign
from tagalign.json_text import json_text

SOURCE = Path(tagalign.__file__).parent
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_finite_values_are_written_as_python_writes_them(value) -> None:
    assert json_text(value) == json.dumps(value)
    assert json_text(value, ensure_ascii=False, indent=1, sort_keys=True) == json.dumps(
        value, ensure_ascii=False, indent=1, sort_keys=True
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_become_null_at_any_depth(bad: float) -> None:
    value = {"a": [1.5, (bad, {"b": bad})], "c": "NaN", "d": bad}
    assert json.loads(json_text(value)) == {"a": [1.5, [None, {"b": None}]], "c": "NaN", "d": None}


def test_also_inside_of_what_default_makes() -> None:
    class Odd:
        pass

    assert json_text([Odd(), math.nan], default=lambda _: {"x": math.inf}) == '[{"x": null}, null]'
    with pytest.raises(TypeError):
        json_text([Odd()])


def test_no_file_of_ours_writes_json_past_it() -> None:
    own = [p for p in SOURCE.rglob("*.py") if p.name != "json_text.py" and "testing" not in p.parts]
    assert len(own) > 300
    direct = re.compile(r"^(?!\s*(>>>|\.\.\.)).*\bjson\.dumps?\(", re.MULTILINE)
    assert [str(p.relative_to(SOURCE)) for p in own if direct.search(p.read_text(encoding="utf-8"))] == []
