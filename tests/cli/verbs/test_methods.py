"""``tagalign methods``: every method with its verbs, one page for each, and the same as JSON."""

import json

import pytest

from tagalign.cli.main import main
from tagalign.methods.options import facts_of
from tagalign.methods.table import DEFAULTS, METHODS


def test_the_list_has_every_method_once_with_stars_at_defaults(capsys):
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[: len(METHODS)]}
    assert set(rows) == set(METHODS)
    for name, entry in METHODS.items():
        for verb in entry.can:
            assert (f"{verb}*" if DEFAULTS[verb] == name else verb) in rows[name]
    trained = next(line for line in lines if line.startswith("need a trained part: "))
    named = trained.removeprefix("need a trained part: ").split(";")[0].split(", ")
    assert named == [name for name, entry in METHODS.items() if entry.trained_by]


@pytest.mark.parametrize("name", METHODS)
def test_a_page_names_every_option_with_its_default(capsys, name):
    assert main(["methods", name]) == 0
    page = capsys.readouterr().out
    for fact in facts_of(METHODS[name].options):
        assert f"  {fact.name} = " in page
    assert METHODS[name].source in page


def test_json_has_the_same_and_a_verb_narrows_it(capsys):
    assert main(["methods", "--json", "--can", "caption"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == [
        name for name, entry in METHODS.items() if "caption" in entry.can
    ]
    for row in rows:
        assert [option["name"] for option in row["options"]] == [
            f.name for f in facts_of(METHODS[row["name"]].options)
        ]
        assert "caption" in row["default_of"] or DEFAULTS["caption"] != row["name"]
