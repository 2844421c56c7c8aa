"""The bar of a fetch in a pipe: sizes as hubs write them, a line now and then, and one count for the client's own bars."""

import pytest

from tagalign.backbones.hub import progress
from tagalign.backbones.hub.progress import FetchBar, megabytes


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 kB"),
        (1_500, "2 kB"),
        (999_999, "1000 kB"),
        (10**6, "1 MB"),
        (598_700_000, "599 MB"),
        (10**9, "1.0 GB"),
        (4_460_000_000, "4.5 GB"),
    ],
)
def test_sizes_are_decimal(count, shown):
    assert megabytes(count) == shown


def test_a_line_in_a_pipe_comes_only_after_the_quiet_time(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with FetchBar(4_000_000, "org/model") as bar:
        bar.add(1_000_000)
        now = progress.QUIET_S
        bar.add(1_000_000)
        assert capsys.readouterr().err == ""
        now += 0.1
        bar.add(1_000_000)
        bar.add(1_000_000)  # at the same moment: the line was just said
    assert capsys.readouterr().err == "org/model: 3 MB of 4 MB\n"


def test_the_clients_bars_move_the_one_bar():
    bar = FetchBar(100, "org/model")
    with bar.for_client()(total=60, initial=20) as first:
        first.update(30)
        first.update(-10)  # the hub began the file anew
    bar.for_client()(total=40).update(None)
    assert bar.done == 40
