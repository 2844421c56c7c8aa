"""Of the tests and of the examples in docstrings: how the types of their calls are checked."""

import checked_calls


def pytest_runtest_protocol():
    """Each test has its own first calls, which are all checked."""
    checked_calls.CALLS.next_test()


checked_calls.install()
