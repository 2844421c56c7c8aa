"""Damaged files of every format, from a seed: an import is done or says one line, soon, and leaves nothing broken."""

import json
import random
import time

import pytest
from annotation_files import WRITERS, damage
from annotation_toys import save_photos

from tagalign.cli.main import main

pytestmark = [
    pytest.mark.usefixtures("unchecked_types"),
    pytest.mark.filterwarnings("ignore:.* is not UTF-8:UserWarning"),
]

CASES = 12
"""Of a format; 500 of each were tried when this was written."""
LONGEST_S = 5


def said_once(lines, code):
    """Notes and warnings apart, one line of a refusal; none of what Python says of its own faults."""
    own = [line for line in lines if not line.startswith(("note: ", "warning: "))]
    refusals = [line for line in own if line.startswith("tagalign import: ")]
    return len(refusals) == (code == 2) and (code == 0 or len(own) == 1) and max(map(len, lines)) < 2500


@pytest.mark.parametrize("name", WRITERS)
def test_damage_is_one_line_or_costs_itself(name, tmp_path, capsys):
    save_photos(tmp_path / "photos", "a.jpg", "b.jpg")
    for case in range(CASES):
        rng = random.Random(f"{name} {case}")
        folder, out = tmp_path / f"in{case}", tmp_path / f"out{case}"
        folder.mkdir()
        path = WRITERS[name](folder)
        for _ in range(rng.choice([0, 1, 2]) if case else 0):  # the first is whole
            damage(folder, rng)
        into = rng.choice(["clicks", "benchmark"])
        begun = time.process_time()
        code = main(
            [
                "import",
                "annotations",
                str(path),
                "--photos",
                str(tmp_path / "photos"),
                "--out",
                str(out),
                "--into",
                into,
            ]
        )
        assert time.process_time() - begun < LONGEST_S, case
        lines = capsys.readouterr().err.splitlines()
        assert code in (0, 2), case
        assert case or code == 0, lines
        assert said_once(lines, code), (case, lines)
        left = [one for one in out.rglob("*") if one.is_file()]
        assert not [one.name for one in left if one.name.startswith(".") or "tmp" in one.name], case
        for one in left:
            if one.suffix == ".jsonl":
                assert all(map(json.loads, one.read_text(encoding="utf-8").splitlines()))
            elif one.suffix == ".json":
                json.loads(one.read_text(encoding="utf-8"))


def test_a_name_of_several_lines_is_one_line(tmp_path, capsys):
    path = tmp_path / "a\nb\x1b[31m.json"
    path.write_text("[")
    assert (
        main(["import", "annotations", str(path), "--read-as", "coco", "--out", str(tmp_path / "out")]) == 2
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert r"a b\x1b[31m.json: expected" in line
