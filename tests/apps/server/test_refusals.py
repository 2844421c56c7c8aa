"""Whose turn it is after a refusal: the client's to mend (4xx), the server's to wait for (503) or to repair (500)."""

import pytest

from tagalign.apps.server.refusals import body_of, busy, invalid, passes, status_of, too_large
from tagalign.errors import DataError, ImageError, InputError, NotFiniteError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (busy("later"), 503),
        (too_large("less"), 413),
        (invalid("otherwise"), 422),
        (ImageError("9,000,000 pixels; at most 1,000,000 are read"), 413),
        (ImageError("no image"), 422),
        (InputError("no such label"), 422),
        (DataError("damaged"), 422),
        (NotFiniteError("the encoder yields NaN"), 500),
    ],
)
def test_what_an_error_means_to_a_client(error, status):
    assert status_of(error) == status


def test_only_a_busy_server_says_when_to_ask_again():
    assert busy("later").retry_after_s == 1
    assert too_large("less").retry_after_s is None
    assert invalid("otherwise").retry_after_s is None
    assert [passes(one) for one in (busy("later"), invalid("otherwise"), ImageError("no image"), None)] == [
        True,
        False,
        False,
        False,
    ]


def test_every_body_has_one_form():
    assert body_of("InputError", "no") == {"error": {"type": "InputError", "message": "no"}}
