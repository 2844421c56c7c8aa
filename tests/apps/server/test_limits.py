"""Limits of the server: each must leave room for one request."""

from dataclasses import fields, replace

import pytest

from tagalign.apps.server.limits import Limits
from tagalign.errors import InputError


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_lets_nothing_through_is_refused_by_name(name, value):
    kind = type(getattr(Limits(), name))
    with pytest.raises(InputError, match=f"limit {name} must be above 0, got {kind(value)}"):
        replace(Limits(), **{name: kind(value)})
    assert getattr(replace(Limits(), **{name: kind(1)}), name) == 1
