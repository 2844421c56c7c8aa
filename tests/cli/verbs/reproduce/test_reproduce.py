"""``tagalign reproduce``: the list, refusals, a dry run and a measurement on data of the official layout.

Holds ``cli/verbs/reproduce/verb.py``, ``cli/verbs/reproduce/measurement.py``, ``cli/verbs/reproduce/ground.py``,
``cli/verbs/reproduce/cost.py``, ``cli/verbs/reproduce/flags.py``.
"""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest

from tagalign.cli.main import main
from tagalign.cli.verbs.evaluate.settings import EvaluateSettings
from tagalign.cli.verbs.reproduce import cost
from tagalign.cli.verbs.reproduce.measurement import measurements
from tagalign.data.rehearsal import request, write_copy
from tagalign.evaluate import protocols
from tagalign.evaluate.published.numbers import find_numbers, published_numbers

NUMBER = "tagclip/tableS1/without/voc2007-tags-all"
FAST_NUMBER = "dense/naclip/naclip/voc20"  # of a model that need not be sure to be fast


@pytest.fixture
def small_pictures(monkeypatch):
    """Copies with a sixteenth of the official pixels, whose number is the subject of ``tests/data/rehearsal``.

    All numbers take a fifth less of the processor; the rest is masks of every label at the sizes that encoders read.
    """
    full = request.draw_scene

    def small(seed, index, size, num_classes, shapes):
        return full(seed, index, (size[0] // 4, size[1] // 4), num_classes, shapes)

    monkeypatch.setattr(request, "draw_scene", small)


@pytest.fixture
def small_protocols(monkeypatch):
    """Protocols with half their sides and one sentence a label, whose numbers are the subject of ``tests/evaluate``.

    Windows still overlap by half, and pictures still have several. All numbers take a quarter of the processor's time.
    """
    for name, protocol in protocols.PROTOCOLS.items():
        small = dataclasses.replace(
            protocol,
            options={key: side // 2 for key, side in protocol.options.items()},
            options_for={
                data: {key: side // 2 for key, side in options.items()}
                for data, options in protocol.options_for.items()
            },
            templates={data: "1" for data in protocol.templates},
        )
        monkeypatch.setitem(protocols.PROTOCOLS, name, small)


def test_the_list_has_every_number_once(capsys):
    assert main(["reproduce"]) == 0
    out = capsys.readouterr().out
    assert Counter(line.split()[-1] for line in out.splitlines() if line.count("/") == 3) == Counter(
        number.id for number in published_numbers()
    )
    assert main(["reproduce", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["can_be_measured"] for row in rows} == {"public", "after training", "quoted"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tagclip/table9"], "no published number"),
        (["tagalign/table1/tcl/ade20k"], "quoted for comparison"),
        (["tagalign/table1/tagalign/voc21"], "tagalign train"),
        (["tag2text/table1/tag2text-14-m/coco2014"], "tagalign import tag2text"),
        ([NUMBER], "give its folder with --path"),
        ([NUMBER, "--all"], "give one of the two"),
        ([NUMBER, "--images", "3"], "give it with --rehearse"),
        ([NUMBER, "--rehearse", "--path", "x"], "leave --path and --model out"),
        (["trusty", "--rehearse"], "needs a trained model"),
        (["tag2text/table1", "--rehearse"], "needs a trained model"),
        ([NUMBER, "--batch-size", "0"], "--batch-size must be at least 1"),
    ],
)
def test_refusals_in_one_line(arguments, said, capsys, tmp_path):
    assert main(["reproduce", *arguments, "--out", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not (tmp_path / "out").exists()


def test_a_rehearsal_measures_on_drawn_copies_and_claims_nothing(tmp_path, capsys):
    assert main(["reproduce", NUMBER, "--rehearse", "--images", "1", "--out", str(tmp_path), "--json"]) == 0
    captured = capsys.readouterr()
    row = json.loads(captured.out)
    assert (row["id"], row["theirs"], row["verdict"]) == (NUMBER.lower(), 92.4, "rehearsed")
    assert row["difference"] is None
    assert "protocol plain; profile=released" in captured.err
    assert (tmp_path / "reproduced.md").read_text().count("\n") == 3


def test_a_measurement_on_a_folder_says_what_it_takes_and_goes_on_where_it_was(
    tmp_path, capsys, clip_folder, monkeypatch, small_pictures, small_protocols
):
    """A whole drawn copy stands for the data: the folder is found by the benchmark's name below --path."""
    monkeypatch.setenv("TAGALIGN_CACHE", str(tmp_path / "cache"))
    write_copy("voc20", tmp_path / "data/voc20", images=6)
    flags = ["--path", str(tmp_path / "data"), "--model", str(clip_folder), "--out", str(tmp_path / "out")]
    assert main(["reproduce", FAST_NUMBER, *flags, "--dry-run"]) == 0
    assert "6 images, about" in capsys.readouterr().err
    assert not (tmp_path / "out/reproduced.md").exists()
    monkeypatch.setattr(cost, "seconds_per_image", lambda settings, text_cache: None)
    flags += ["--batch-size", "2"]
    assert main(["reproduce", FAST_NUMBER, *flags]) == 0
    (rows,) = (tmp_path / "out").rglob("rows.jsonl")
    written, numbers = rows.read_bytes(), (tmp_path / "out/reproduced.json").read_bytes()
    lines = written.splitlines(keepends=True)
    assert len(lines) == 7
    rows.write_bytes(b"".join(lines[:3]))  # killed after the first batch
    assert main(["reproduce", FAST_NUMBER, *flags]) == 0
    assert rows.read_bytes() == written
    assert (tmp_path / "out/reproduced.json").read_bytes() == numbers


def test_an_estimate_is_the_time_between_images_and_not_that_of_opening(monkeypatch):
    """The first image waits for model and words, here a minute; the others take two seconds each."""
    times = iter([60.0, 62.0, 64.0, 66.0, 68.0, 70.0])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(times))
    asked = []

    def measured(settings, *, text_cache, watch):
        asked.append((settings.limit, settings.batch_size, text_cache))
        assert list(watch(range(images), images)) == list(range(images))

    monkeypatch.setattr("tagalign.cli.verbs.evaluate.verb.measure", measured)
    images = 6
    assert cost.seconds_per_image(EvaluateSettings(data="voc20"), text_cache=Path("x")) == 2.0
    assert asked == [(6, 1, Path("x"))]
    images, times = 3, iter([1.0, 2.0, 3.0])
    assert cost.seconds_per_image(EvaluateSettings(data="voc20")) is None


def test_data_that_are_not_whole_are_named(tmp_path, capsys, clip_folder):
    folder = tmp_path / "voc2007-tags-all"
    write_copy("voc2007-tags-all", folder, images=3)
    next(folder.rglob("*.jpg")).unlink()
    assert (
        main(
            ["reproduce", NUMBER, "--path", str(folder), "--model", str(clip_folder), "--out", str(tmp_path)]
        )
        == 2
    )
    assert "1 files missing; tagalign data check voc2007-tags-all" in capsys.readouterr().err


def test_numbers_of_one_run_are_measured_together():
    found = measurements(
        find_numbers(["tag2text/table1", "tag2text/table1-precision", "tag2text/table1-recall"])
    )
    assert {one.benchmark: len(one.numbers) for one in found} == {"openimages-common": 3, "coco2014-tags": 3}
    assert len({one.name for one in measurements(find_numbers(["tagclip"]))}) == len(
        measurements(find_numbers(["tagclip"]))
    )


@pytest.mark.slow
def test_every_public_number_can_be_rehearsed(tmp_path, capsys, small_pictures, small_protocols):
    """Each protocol, option and layout once; the numbers of random models on drawn shapes mean nothing."""
    assert main(["reproduce", "--all", "--rehearse", "--images", "1", "--out", str(tmp_path), "--json"]) == 0
    captured = capsys.readouterr()
    rows = [json.loads(line) for line in captured.out.splitlines()]
    # the packaged Tag2Text has 56 tags of drawn scenes: it cannot stand in for tagging benchmarks
    public = [
        n.id for n in published_numbers()
        if n.run is not None and n.run.public and not n.table.startswith("tag2text/table1")
    ]  # fmt: skip
    assert sorted(row["id"] for row in rows) == sorted(public)
    assert "not measured" not in captured.err
