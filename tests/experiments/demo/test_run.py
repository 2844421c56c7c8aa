"""The demo, as small as it goes: tables on standard output, a whole page, numbers, a model folder that opens."""

import json

import pytest

import tagalign
from tagalign.cli.main import main
from tagalign.experiments.demo.regime import FROZEN, ROWS

# captions of world 2 name whole concepts, and a few of them are longer than an encoder reads
pytestmark = pytest.mark.filterwarnings("ignore:.*longer than the .* tokens the model reads")


@pytest.mark.slow
@pytest.mark.parametrize("world", [1, 2])
def test_the_demo_writes_what_it_says(tmp_path, capsys, world, request):
    if world == 1:  # 286,000 checked calls are most of its time; world 2 makes the same ones, checked
        request.getfixturevalue("unchecked_types")
    out = tmp_path / "demo"
    sizes = ["--train-scenes", "128", "--test-scenes", "4", "--steps", "1", "--world", str(world)]
    assert main(["demo", "--out", str(out), *sizes]) == 0
    printed, said = capsys.readouterr()
    found = json.loads((out / "metrics.json").read_text())
    page = (out / "report.html").read_text()
    for row in ROWS:
        shown = f"{found['segmentation'][row.name]['miou_objects']:.1f}"
        assert any(line.split()[:2] == [row.name, shown] for line in printed.splitlines())
        assert f"<td>{row.name}</td>" in page
        assert shown in page
    assert ROWS[0].name == next(iter(found["segmentation"])) == FROZEN
    assert found["settings"]["protocol"]["world_version"] == world
    # one sentence of the regime, on the page, beside the numbers and while it runs
    regime = found["settings"]["regime"]
    assert regime.startswith(f"128 drawn scenes (world {world})")
    assert regime.rstrip(".") in said.replace("&#39;", "'")
    assert page.count("a label that is not in the scene") == page.count(
        "“"
    )  # masks and heat maps of the same scenes
    assert tagalign.load(str(out / "model")).method == "tagalign"
