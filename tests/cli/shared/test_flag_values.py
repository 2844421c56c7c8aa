"""A shard and a text as people type them, right and wrong."""

import pytest

from tagalign.cli.shared.flag_values import check_text, parse_shard
from tagalign.errors import InputError


@pytest.mark.parametrize(("typed", "expected"), [("0/1", (0, 1)), ("3/4", (3, 4)), ("07/10", (7, 10))])
def test_a_shard(typed, expected):
    assert parse_shard(typed) == expected


@pytest.mark.parametrize(
    "typed", ["", "1", "/", "1/1", "4/4", "5/4", "-1/4", "0/0", "1.0/2", "a/b", "0/4/8", "²/4"]
)
def test_what_is_no_shard_is_refused(typed):
    with pytest.raises(InputError, match="--shard must be i/n"):
        parse_shard(typed)


@pytest.mark.parametrize("text", [None, "", "red car", "犬"])
def test_a_text_is_let_through(text):
    check_text("--labels", text)


def test_bytes_of_another_encoding_are_shown_and_refused():
    with pytest.raises(InputError, match=r"^--labels 'caf\\\\udce9': expected UTF-8"):
        check_text("--labels", b"caf\xe9".decode("utf-8", "surrogateescape"))
