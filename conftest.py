"""Of the tests and of the examples in docstrings: how the types of their calls are checked, and what each test costs."""

import os
from pathlib import Path

import checked_calls
import pytest


def pytest_addoption(parser):
    """Seconds of the clock mean little beside other work."""
    parser.addoption(
        "--processor",
        metavar="FOLDER",
        help="write the processor's seconds of each test there, with its fixtures and the processes it waited for: "
        "one file for each process of the suite",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Each test has its own first calls, which are all checked."""
    checked_calls.CALLS.next_test()
    before = os.times()
    answer = yield
    if folder := item.config.getoption("--processor"):
        seconds = sum(os.times()[:4]) - sum(before[:4])
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        with (Path(folder) / f"{worker}.tsv").open("a", encoding="utf-8") as file:
            file.write(f"{seconds:.2f}\t{item.nodeid}\n")
    return answer


checked_calls.install()
