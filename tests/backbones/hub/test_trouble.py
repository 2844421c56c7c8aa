"""What a hub's faults mean: whether the cache may help, how long to wait, and one line of words."""

import errno
from types import SimpleNamespace

import pytest

from tagalign.backbones.hub.names import HubId
from tagalign.backbones.hub.trouble import MAX_REASON, Unreachable, explain, one_line, wait_s
from tagalign.errors import ModelError

MODEL = HubId("org/model")


def answered(status, **headers):
    """An exception of a client whose hub answered."""
    error = Exception(f"status {status}")
    error.response = SimpleNamespace(status_code=status, headers=headers)
    return error


def test_the_first_line_that_says_something_is_kept():
    assert one_line(ValueError("\n  \n first \nsecond")) == "first"
    assert one_line(ValueError()) == "ValueError"


@pytest.mark.parametrize("length", [MAX_REASON, MAX_REASON + 1, 5000])
def test_a_long_reason_is_cut(length):
    shown = one_line(ValueError("x" * length))
    assert len(shown) == MAX_REASON
    assert shown.endswith("...") == (length > MAX_REASON)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (answered(429, **{"Retry-After": "7"}), 7.0),
        (answered(503, **{"Retry-After": "30"}), 30.0),
        (answered(429), None),
        (answered(503, **{"Retry-After": "Wed, 21 Oct 2026"}), None),
        (answered(500, **{"Retry-After": "7"}), None),
        (OSError("no answer at all"), None),
    ],
)
def test_how_long_the_hub_asks_to_wait(error, seconds):
    assert wait_s(error) == seconds


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
def test_a_disk_that_takes_nothing_is_the_users_to_mend(number):
    said = explain(OSError(number, "no"), MODEL)
    assert isinstance(said, ModelError)
    assert "HF_HOME" in str(said)
    assert "\n" not in str(said)


@pytest.mark.parametrize(
    "error", [OSError(errno.ECONNRESET, "reset"), ConnectionError("gone"), TimeoutError("late")]
)
def test_where_nobody_answers_the_cache_may_help(error):
    assert isinstance(explain(error, MODEL), Unreachable)


def test_a_page_that_is_no_hub_is_called_so():
    said = explain(ValueError("Expecting value: line 1 column 1"), MODEL)
    assert isinstance(said, Unreachable)
    assert "HF_ENDPOINT" in str(said)


def test_a_fault_of_our_own_stays_itself():
    fault = KeyError("a fault in the program")
    assert explain(fault, MODEL) is fault
