"""Claims in files: what fits is read in the order of papers and tables, what does not is refused with the file's name."""

import json

import pytest

from tagalign.errors import DataError
from tagalign.experiments.claims.claim import claim_of, claims_of, read_claims


def test_numbers_and_null_become_text(good):
    claim = claim_of({**good, "ours": 35.5, "interval": None})
    assert (claim.ours, claim.interval, claim.encoder) == ("35.5", "", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "maybe"}, "expected a verdict of holds, fails, not testable, got 'maybe'"),
        ({"paper": "CLIP"}, "expected a paper of TagAlign, .*, got 'CLIP'"),
        ({"verdict": "fails"}, "'tags raise captions': fails needs a reason"),
        ({"seeds": 0}, "holds needs numbers and their seeds"),
        ({"seeds": True}, "seeds of a claim must be a count, got True"),
        ({"seeds": "3"}, "seeds of a claim must be a count, got '3'"),
        ({"main": 1}, "main of a claim must be true or false, got 1"),
        ({"reason": ["a"]}, "reason of a claim must be text"),
        ({"link": ""}, "needs a table, a direction and a link"),
        ({"extra": 1}, "a claim has no key extra; known are paper"),
    ],
)
def test_what_is_no_claim_is_refused(good, change, message):
    with pytest.raises(DataError, match=message):
        claim_of({**good, **change})


def test_a_missing_key_is_named(good):
    with pytest.raises(DataError, match="a claim has no seeds"):
        claim_of({key: value for key, value in good.items() if key != "seeds"})


def test_files_without_claims_are_passed_over_and_broken_ones_named(tmp_path):
    (tmp_path / "numbers.json").write_text("[1, 2]")
    (tmp_path / "other.json").write_text('{"values": {}}')
    assert read_claims(tmp_path) == []
    for text in ("{", '{"claims": [3]}', '{"claims": 3}', '{"claims": [{"paper": "TagAlign"}]}'):
        (tmp_path / "broken.json").write_text(text)
        with pytest.raises(DataError, match=r"broken.json: expected a list of claims"):
            claims_of(tmp_path / "broken.json")


def test_papers_and_tables_stand_in_order(good, tmp_path):
    named = [
        ("TrustyCLIP", "Table 1"),
        ("TagAlign", "Table 10"),
        ("TagAlign", "Table 9"),
        ("Tag2Text", "Fig. 6"),
    ]
    for place, (paper, table) in enumerate(named):
        text = json.dumps({"claims": [{**good, "paper": paper, "table": table}]})
        (tmp_path / f"{place}.json").write_text(text)
    found = [(claim.paper, claim.table) for claim in read_claims(tmp_path)]
    assert found == [
        ("TagAlign", "Table 9"),
        ("TagAlign", "Table 10"),
        ("Tag2Text", "Fig. 6"),
        ("TrustyCLIP", "Table 1"),
    ]
