"""Warnings of pairs left out: said at one, ten, a hundred, and for every reason by itself."""

from tagalign.cli.verbs.train.tagalign.counted_warnings import CountedWarnings


def test_a_reason_is_said_at_powers_of_ten(capsys):
    warnings = CountedWarnings()
    for _ in range(101):
        warnings.add("no image")
    warnings.add("no caption")
    assert warnings.counts == {"no image": 101, "no caption": 1}
    assert capsys.readouterr().err.splitlines() == [
        "warning: 1 pair left out: no image",
        "warning: 10 pairs left out: no image",
        "warning: 100 pairs left out: no image",
        "warning: 1 pair left out: no caption",
    ]
