"""Thresholds from labelled images: the best F1 by brute force, both folder forms, and the file that keeps them."""

import json

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import DataError, InputError
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.calibration import (
    best_f1_threshold,
    best_thresholds,
    calibrate,
    load_calibrated,
    read_examples,
    save_calibrated,
)
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.questions import TagQuestion

LABELS = load_label_set("dog,cat", templates="1")


def f1(pairs, threshold):
    chosen = [present for score, present in pairs if score >= threshold]
    positives = sum(present for _, present in pairs)
    return 2 * sum(chosen) / (len(chosen) + positives)


@pytest.mark.parametrize("seed", range(8))
def test_no_threshold_is_better(seed):
    rng = np.random.default_rng(seed)
    # few distinct scores, so that ties occur
    pairs = [
        (float(s) / 10, bool(p)) for s, p in zip(rng.integers(0, 10, 30), rng.random(30) < 0.4, strict=True)
    ]
    best = max(f1(pairs, t / 100) for t in range(101))
    assert f1(pairs, best_f1_threshold(pairs)) == pytest.approx(best)


def test_no_positives_choose_nothing():
    assert best_f1_threshold([(0.9, False)]) == 1.0
    assert best_f1_threshold([]) == 1.0


def test_labels_with_few_examples_share_a_threshold():
    scores = [[0.9, 0.2], [0.8, 0.3], [0.7, 0.9], [0.1, 0.1]]
    truth = [[True, False], [True, False], [True, True], [False, False]]
    found = best_thresholds(("dog", "cat"), scores, truth)
    assert found.per_label["dog"] == pytest.approx(0.4)
    assert found.per_label["cat"] == found.value


@pytest.fixture
def folder(tmp_path):
    for name in ("dog", "cat"):
        (tmp_path / name).mkdir()
        for i in range(4):
            pixels = np.random.default_rng(i).integers(0, 255, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_one_folder_per_label(folder):
    examples = read_examples(folder, LABELS.names)
    assert [(e.source.key.rsplit("/", 2)[1], set(e.tags)) for e in examples] == [("dog", {"dog"})] * 4 + [
        ("cat", {"cat"})
    ] * 4


def test_lines_name_images_and_tags(folder):
    rows = [{"image": "dog/0.png", "tags": ["dog", "cat", "tree"]}, {"image": "cat/1.png", "tags": []}]
    (folder / "labels.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    with pytest.warns(UserWarning, match=r"1 tags are none of the labels and are left out: 'tree' \(1 x\)"):
        assert [set(e.tags) for e in read_examples(folder, LABELS.names)] == [{"dog", "cat"}, set()]


def test_case_blanks_and_composed_letters_do_not_part_labels(folder):
    names = ("Dog", "caf\u00e9 chair")
    rows = [
        {"image": "dog/0.png", "tags": [" dog ", "cafe\u0301  Chair"]},
        {"image": "dog/1.png", "tags": ["DOG"]},
    ]
    (folder / "labels.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-16")
    assert [set(e.tags) for e in read_examples(folder, names)] == [set(names), {"Dog"}]
    (folder / "labels.jsonl").unlink()
    with pytest.warns(UserWarning, match="'cat'"):
        assert [set(e.tags) for e in read_examples(folder, ("DOG",))] == [{"DOG"}] * 4


def test_folders_may_have_underscores_for_blanks_and_letters_that_nobody_sees_count_nothing(folder):
    (folder / "dog").rename(folder / "Hot_Dog")
    assert {tag for e in read_examples(folder, ("hot dog", "c\u200bat\ufeff")) for tag in e.tags} == {
        "hot dog",
        "c\u200bat\ufeff",
    }


def test_examples_without_one_of_the_labels_are_refused_with_their_tags(folder):
    with pytest.raises(DataError, match="no labelled image found"):
        read_examples(folder, ("car",))
    (folder / "labels.jsonl").write_text('{"image": "dog/0.png", "tags": ["hound"]}\r\n')
    with pytest.raises(
        DataError, match=r"none of its 1 images has one of the labels dog, cat; its tags are 'hound'"
    ):
        read_examples(folder, LABELS.names)
    (folder / "labels.jsonl").write_text('{"image": "dog/0.png", "tags": "dog"}\n')
    with pytest.raises(DataError, match=r"line 1: .*tags is a str"):  # not the letters d, o and g
        read_examples(folder, LABELS.names)


def test_saved_thresholds_come_back_and_the_labels_with_them(folder, clip_folder, tmp_path):
    (folder / "dog" / "0.png").write_bytes(b"broken")
    question = TagQuestion(labels=LABELS)
    spec = JobSpec(question=question, model=str(clip_folder), method="tagclip", device="cpu")
    with pytest.warns(
        UserWarning, match=r"1 of 8 labelled images cannot be read and are left out: .*dog.0\.png"
    ):
        threshold = calibrate(spec.open(), read_examples(folder, LABELS.names))
    path = tmp_path / "labels.json"
    save_calibrated(path, LABELS, threshold, {"method": "tagclip"})
    assert load_calibrated(path) == threshold
    assert load_label_set(path).names == LABELS.names


def test_folders_without_truth_are_refused(tmp_path):
    with pytest.raises(DataError, match="no labelled image found"):
        read_examples(tmp_path, LABELS.names)
    with pytest.raises(DataError, match="no such folder"):
        read_examples(tmp_path / "gone", LABELS.names)
    (tmp_path / "labels.jsonl").write_text('{"image": "a.png"}\n')
    with pytest.raises(DataError, match=r"labels.jsonl, line 1"):
        read_examples(tmp_path, LABELS.names)
    with pytest.raises(InputError, match="written by tagalign tag --calibrate"):
        load_calibrated(tmp_path / "labels.jsonl")
