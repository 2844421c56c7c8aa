"""Every flag of ``tagalign evaluate`` acts and is recorded as it acted, or is refused by name."""

import json

import pytest

from tagalign.cli.main import main

SMALL = ["--model", "tiny", "--limit", "6", "--allow-missing", "--resamples", "0", "--gallery", "0"]


@pytest.fixture
def result(tmp_path):
    """Metrics and recorded settings of one evaluation."""
    count = iter(range(100))

    def evaluate(*flags):
        out = tmp_path / str(next(count))
        assert main(["evaluate", *SMALL, "--out", str(out), *flags]) == 0
        return json.loads((out / "result.json").read_text())

    return evaluate


def model_of(result):
    return result["model"]


def test_templates_change_referring_and_are_recorded(result):
    plain = result("--data", "tiny-world-referring")
    other = result("--data", "tiny-world-referring", "--templates", "7")
    assert plain["metrics"] != other["metrics"]
    assert len(model_of(other)["phrase_templates"]) == 7


def test_a_threshold_acts_in_each_kind_of_benchmark(result):
    for data, option, value in (
        ("tiny-world-referring", "phrase_threshold", 0.9),
        ("tiny-world-objects", "background_threshold", 0.6),
        ("tiny-world-tags", "threshold", "absolute:0.9"),
    ):
        before, after = (
            result("--data", data),
            result("--data", data, "--threshold", str(value).split(":")[-1]),
        )
        assert before["metrics"] != after["metrics"]
        assert model_of(after)[option] == value


def test_background_words_change_masks_with_a_background(result):
    flags = ("--data", "tiny-world-objects", "--method", "clip")
    before, after = result(*flags), result(*flags, "--background-words", "voc")
    assert before["metrics"] != after["metrics"]


def test_a_calibrated_threshold_comes_from_another_split_and_is_better(result, capsys):
    flags = ("--data", "tiny-world-objects", "--method", "surgery")
    before, after = result(*flags), result(*flags, "--threshold", "calibrate:12")
    assert "from 12 images of validation" in capsys.readouterr().err
    assert after["metrics"]["miou"] > before["metrics"]["miou"]
    assert model_of(after)["background_threshold"] != model_of(before)["background_threshold"]


def test_tags_and_a_second_look_change_retrieval_and_are_recorded(result):
    flags = ("--data", "tiny-world-captions", "--task", "retrieval", "--method", "tag2text", "--limit", "12")
    plain = result(*flags)
    tags = result(*flags, "--tag-weight", "9")
    again = result(*flags, "--rerank", "2")
    assert plain["settings"]["ranking"] == "cosine; a tie counts against the method"
    assert "9 x shared tags" in tags["settings"]["ranking"]
    assert "matching on the best 2" in again["settings"]["ranking"]
    assert len({str(one["metrics"]) for one in (plain, tags, again)}) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "tiny-world-captions", "--rerank", "2"], "add --task retrieval"),
        (["--data", "tiny-world-captions", "--task", "retrieval", "--rerank", "-1"], "at least 0"),
        (["--data", "tiny-world-captions", "--task", "retrieval", "--tag-weight", "nan"], "at least 0"),
        (
            ["--data", "tiny-world-captions", "--task", "retrieval", "--method", "clip", "--rerank", "2"],
            "matching head",
        ),
        (["--data", "tiny-world-referring", "--refine", "crf"], "--refine does not act"),
        (["--data", "tiny-world-referring", "--background-words", "voc"], "--background-words does not act"),
        (["--data", "tiny-world", "--background-words", "voc"], "has no background class"),
        (["--data", "tiny-world", "--threshold", "0.3"], "has no background class"),
        (["--data", "tiny-world-captions", "--threshold", "0.3"], "--threshold does not act"),
        (["--data", "tiny-world-objects", "--threshold", "calibrate:no"], "expected calibrate:N"),
        (
            ["--data", "tiny-world-objects", "--threshold", "calibrate:3", "--calibrate-split", "test"],
            "not tested on",
        ),
        (["--data", "tiny-world", "--option", "lambda=3"], "has no option 'lambda'"),
        (["--data", "tiny-world", "--option", "sigmoid_scale"], "takes name=value"),
        (["--data", "tiny-world", "--option", "sigmoid_scale=steep"], "takes a number, got 'steep'"),
        (
            ["--data", "tiny-world", "--profile", "fixed", "--option", "profile=paper"],
            "by its flag and by --option",
        ),
        (
            ["--data", "tiny-world", "--method", "tagclip"],
            "method 'tagclip' cannot segment; these can: clearclip, clip",
        ),
        (["--data", "tiny-world", "--cross-dataset"], "no trusty token to leave out"),
    ],
)
def test_a_flag_that_cannot_act_is_refused_in_one_line(flags, message, tmp_path, capsys):
    assert main(["evaluate", *SMALL, "--out", str(tmp_path / "out"), *flags]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert message in err[-1]
    assert not (tmp_path / "out").exists()
