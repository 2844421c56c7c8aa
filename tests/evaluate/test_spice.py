"""SPICE against its formula in plain loops, known values, and the command that prints it."""

import itertools
import json

import pytest

from tagalign.cli.main import main
from tagalign.evaluate.score import score_captions
from tagalign.evaluate.spice import matches, spice, spice_scores
from tagalign.tags.caption_graph import CaptionGraph
from tagalign.tags.wordnet import WordNet

GIRL = CaptionGraph(
    ("girl", "court"), (("girl", "young"), ("girl", "stand")), (("girl", "on top of", "court"),)
)
SAME = WordNet({w: frozenset([("noun", s)]) for w, s in [("sofa", "1"), ("couch", "1"), ("cat", "2")]}, "x")


def by_loops(candidate, references):
    """The formula, exact matches: precision and recall over the sets of tuples, then their harmonic mean."""
    own, truth = [], []
    for tuples, graphs in ((own, [candidate]), (truth, references)):
        for graph in graphs:
            for one in itertools.chain(((o,) for o in graph.objects), graph.attributes, graph.relations):
                if one not in tuples:
                    tuples.append(one)
    found = 0
    for one in own:
        for other in truth:
            if one == other:
                found += 1
    if not found:
        return 0.0
    precision, recall = found / len(own), found / len(truth)
    return 2 * precision * recall / (precision + recall)


def graphs():
    words = ["man", "dog", "hat"]
    for n, with_attribute, relation in itertools.product((1, 2, 3), (False, True), (None, "on", "wear")):
        yield CaptionGraph(
            tuple(words[:n]),
            (("man", "old"),) if with_attribute else (),
            (("man", relation, words[n - 1]),) if relation and n > 1 else (),
        )


def test_it_is_the_formula():
    some = list(graphs())
    for i, candidate in enumerate(some):
        for width in (1, 2, 5):
            references = [some[(i + 7 * k + 3) % len(some)] for k in range(width)]
            assert spice(candidate, references) == pytest.approx(by_loops(candidate, references), abs=1e-12)


def test_known_values():
    assert spice(GIRL, [GIRL, GIRL]) == 1.0
    # two of the three tuples of the candidate are among the five of the reference
    assert spice(CaptionGraph(("girl", "dog"), (("girl", "young"),)), [GIRL]) == pytest.approx(
        2 * 2 / (3 + 5)
    )
    assert spice(CaptionGraph(("dog",)), [GIRL]) == 0.0
    assert spice(CaptionGraph(), [GIRL]) == spice(GIRL, [CaptionGraph()]) == 0.0


def test_synonyms_match_and_join():
    sofa, couch = CaptionGraph(("sofa", "cat")), CaptionGraph(("couch",))
    assert spice(sofa, [couch]) == 0.0
    # the cat is one word too many: P 1/2, R 1
    assert spice(sofa, [couch], alike=SAME.alike) == pytest.approx(2 / 3)
    # two references that name one thing in two words say one tuple
    assert spice(couch, [CaptionGraph(("sofa",)), couch], alike=SAME.alike) == 1.0
    assert spice(couch, [CaptionGraph(("sofa",)), couch]) == pytest.approx(2 / 3)


def test_a_tuple_is_matched_once():
    alike = {("a", "x"), ("b", "x")}

    def near(one, other):
        return one == other or (one, other) in alike or (other, one) in alike

    assert matches([("a",), ("b",)], [("x",)], near) == 1
    # the equal one is not taken away by one that is only alike
    assert matches([("a",), ("x",)], [("x",), ("a",)], near) == 2
    assert matches([("a", "b")], [("x",)], near) == 0


def test_sentences_are_read_and_scored():
    people = ["a man riding a brown horse", "a man on a horse"]
    same, other, empty = spice_scores([people[0], "a bowl of soup", ""], [people] * 3)
    # man, horse, brown, ride of the four plus "on": P 1, R 4/5
    assert same == pytest.approx(2 * 4 / (4 + 5))
    assert other == empty == 0.0
    assert spice_scores([], []) == []


def test_a_caption_benchmark_prints_it(tmp_path, capsys):
    out = tmp_path / "out"
    flags = ["--data", "tiny-world-captions", "--model", "tiny", "--limit", "4", "--out", str(out)]
    assert main(["evaluate", *flags, "--resamples", "50"]) == 0
    assert "SPICE (own parser)" in capsys.readouterr().out
    result = json.loads((out / "result.json").read_text())
    assert 0 <= result["metrics"]["spice_own"] <= 100
    assert result["settings"]["spice_own"]["synonyms"] is None
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    rows = [row.get("row", row) for row in rows if "caption" in str(row)]
    rows = [r for r in rows if "references" in r]
    again = score_captions(rows, {})
    assert again.metrics["spice_own"] == pytest.approx(result["metrics"]["spice_own"])
    # of an older release, whose rows did not hold it
    for row in rows:
        del row["spice_own"]
    assert score_captions(rows, {}).metrics["spice_own"] == pytest.approx(result["metrics"]["spice_own"])


def test_a_result_needs_no_synonyms_to_be_scored_again_and_names_no_folder(tmp_path):
    folder = tmp_path / "synonyms"
    folder.mkdir()
    for name, word in {"noun": "couch n", "verb": "run v", "adj": "big a", "adv": "often r"}.items():
        (folder / f"index.{name}").write_text(f"{word} 1 0 1 1 04263630\n")
    out = tmp_path / "out"
    flags = ["--data", "tiny-world-captions", "--model", "tiny", "--limit", "2", "--resamples", "0"]
    assert main(["evaluate", *flags, "--wordnet", str(folder), "--out", str(out)]) == 0
    text = (out / "result.json").read_text()
    assert str(tmp_path) not in text
    assert json.loads(text)["settings"]["spice_own"]["synonyms"] is not None


def test_wordnet_is_for_captions_and_must_be_there(tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    assert (
        main(["evaluate", "--data", "tiny-world", "--model", "tiny", "--wordnet", str(tmp_path), *out]) == 2
    )
    assert "--wordnet does not act" in capsys.readouterr().err
    asked = ["--data", "tiny-world-captions", "--model", "tiny", "--wordnet", str(tmp_path)]
    assert main(["evaluate", *asked, *out]) == 2
    assert "expected the files of WordNet" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
