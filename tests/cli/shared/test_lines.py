"""Lines in a pipe: when they come, and what they say is left, with a clock of our own."""

import itertools

from tagalign.cli.shared.lines import Pace, duration, paced


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def told(total, steps, seconds):
    clock, lines = Clock(), []
    pace = Pace("training", total, say=lines.append, clock=clock, every_s=10.0)
    for step in range(1, steps + 1):
        clock.now += seconds
        pace.to(step)
    return lines


def test_a_line_comes_every_ten_seconds_with_the_time_left():
    # 4 s a step: a line at step 3 (12 s) and step 6 (24 s) of 8
    assert told(8, 7, 4.0) == ["    training: 3 of 8, 20 s left", "    training: 6 of 8, 8 s left"]


def test_short_work_says_nothing_and_work_without_an_end_no_time():
    assert told(8, 8, 1.0) == []
    assert told(None, 3, 6.0) == ["    training: 2 done"]


def test_lines_become_rarer_with_the_time():
    """Of ten hours in steps of 30 seconds: some hundred, and the last ones half an hour apart at most."""
    lines = told(1200, 1200, 30.0)
    done = [int(line.split(": ")[1].split(" of")[0].replace(",", "")) for line in lines]
    gaps = [b - a for a, b in itertools.pairwise(done)]
    assert 50 < len(lines) < 150
    assert gaps == sorted(gaps)
    assert 55 <= gaps[-1] <= 60


def test_paced_passes_everything_on():
    assert list(paced([3, 1, 2], "scenes")) == [3, 1, 2]
    assert list(paced(iter("ab"), "scenes")) == ["a", "b"]


def test_long_times_are_in_minutes():
    assert (duration(119.4), duration(125.0)) == ("119 s", "2.1 min")
