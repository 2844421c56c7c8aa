"""The demo, as small as it goes: tables on standard output, a whole page, numbers, a model folder that opens."""

import json

import pytest

import tagalign
from tagalign.cli.main import main
from tagalign.experiments.rows import ROWS


@pytest.mark.slow
def test_the_demo_writes_what_it_says(tmp_path, capsys):
    out = tmp_path / "demo"
    command = ["demo", "--out", str(out), "--train-scenes", "128", "--test-scenes", "4", "--steps", "1"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    found = json.loads((out / "metrics.json").read_text())
    page = (out / "report.html").read_text()
    for row in ROWS:
        shown = f"{found['segmentation'][row.name]['miou']:.1f}"
        assert any(line.split()[:2] == [row.name, shown] for line in printed.splitlines())
        assert f"<td>{row.name}</td>" in page
        assert shown in page
    assert found["settings"]["protocol"]["parser"] == "distilled"
    # of the four scenes three are crowded and have a phrase that names a colour: a row of masks and one of heat maps each
    assert page.count('class="gallery tiny"') == 6
    assert tagalign.load(str(out / "model")).method == "tagalign"
