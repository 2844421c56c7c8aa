"""Labelling runs: equal to one image at a time, whole after a kill, no image twice, bad images reported.

Holds ``tasks/photos/stream.py``.
"""

import json
import signal
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from forked_runs import run_verb
from PIL import Image

from tagalign.cli.shared.mask_sinks import MaskParts
from tagalign.errors import InputError
from tagalign.methods.thresholds import Threshold
from tagalign.ops.masks import decode_rle
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.label_summary import Summary, part_files, summarise
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.questions import SegmentQuestion, TagQuestion
from tagalign.tasks.photos.rows import read_rows
from tagalign.tasks.photos.run import answer_run, clear_run, close_run, open_run
from tagalign.tasks.photos.sinks import TagParquet

LABELS = load_label_set("dog,cat,tree", templates="1", background="voc")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(7):
        pixels = np.random.default_rng(i).integers(0, 255, (24 + 8 * (i % 2), 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def spec(clip_folder):
    return JobSpec(
        question=TagQuestion(labels=LABELS),
        model=str(clip_folder),
        method="tagclip",
        device="cpu",
        batch_size=2,
    )


def begin(job, photos, out, sink=None, **more):
    inputs = Inputs(items=[str(photos)])
    return open_run(job.describe(), inputs, out, sink or TagParquet(), **({"part_size": 2} | more))


def go(run, job, sink=None):
    return answer_run(run, job, sink or TagParquet())


def keys_of(out, kind="tag"):
    return [row["key"] for row in read_rows(part_files(out, kind))]


def test_rows_equal_one_image_at_a_time(spec, photos, tmp_path):
    job = spec.open()
    run = begin(job, photos, tmp_path / "out")
    seen = [answered.source.key for answered in go(run, job)]
    rows = list(read_rows(run.parts()))
    assert [row["key"] for row in rows] == seen == [str(photos / f"{i}.png") for i in range(7)]
    for row in rows:
        with Image.open(row["key"]) as file:
            image = file.convert("RGB")
        tagging = job.method.tag(job.method.encode_images([image])[0], job.labels)
        # batches of another size: softmax at scale 100 of float32 cosines
        np.testing.assert_allclose(row["scores"], tagging.scores, rtol=1e-3, atol=1e-5)
        assert row["size"] == [image.height, image.width]
    assert run.done() == (7, 0)


def test_bad_images_are_reported_and_the_rest_goes_on(spec, photos, tmp_path):
    (photos / "3.png").write_bytes(b"broken")
    (photos / "8.png").write_bytes(b"")
    job = spec.open()
    run = begin(job, photos, tmp_path / "out")
    list(go(run, job))
    assert run.done() == (6, 2)
    assert close_run(run) == (tmp_path / "out" / "errors.jsonl", None)
    errors = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()]
    assert [e["path"] for e in errors] == [str(photos / "3.png"), str(photos / "8.png")]
    assert {e["error"] for e in errors} == {"ImageError"}


def test_an_image_that_breaks_its_batch_fails_alone(spec, photos, tmp_path, monkeypatch):
    job = spec.open()
    encode = job.method.encode_pixels

    def fail(pixels, sizes):
        if (32, 40) in sizes:
            raise InputError("32 rows are too many")
        return encode(pixels, sizes)

    monkeypatch.setattr(job.method, "encode_pixels", fail)
    run = begin(job, photos, tmp_path / "out")
    list(go(run, job))
    assert run.done() == (4, 3)


def test_a_run_goes_on_where_it_was(spec, photos, tmp_path):
    job = spec.open()
    run = begin(job, photos, tmp_path / "out")
    for count, _ in enumerate(go(run, job), start=1):
        if count == 5:
            break  # two parts are written, the third is under way
    assert len(run.parts()) == 2
    leftover = run.part_path(2).with_name(f".{run.part_path(2).name}.0123abcd.tmp")
    leftover.write_bytes(b"half")
    again = begin(job, photos, tmp_path / "out")
    assert not leftover.exists()
    assert [answered.source.key for answered in go(again, job)] == [
        str(photos / f"{i}.png") for i in (4, 5, 6)
    ]
    assert keys_of(tmp_path / "out") == [str(photos / f"{i}.png") for i in range(7)]
    assert list(go(begin(job, photos, tmp_path / "out"), job)) == []


def test_new_files_do_not_move_a_run_that_began(spec, photos, tmp_path):
    job = spec.open()
    run = begin(job, photos, tmp_path / "out")
    next(iter(go(run, job)))
    Image.new("RGB", (9, 9)).save(photos / "00.png")
    assert begin(job, photos, tmp_path / "out").manifest.count == 7


def test_shards_share_a_folder_and_no_image(spec, photos, tmp_path):
    job = spec.open()
    for i in range(3):
        list(go(begin(job, photos, tmp_path / "out", shard=(i, 3)), job))
    assert sorted(keys_of(tmp_path / "out")) == [str(photos / f"{i}.png") for i in range(7)]
    with pytest.raises(InputError, match="another number of shards"):
        begin(job, photos, tmp_path / "out", shard=(0, 2))


def test_another_question_in_the_same_folder_is_refused(spec, photos, tmp_path):
    from dataclasses import replace

    job = spec.open()
    begin(job, photos, tmp_path / "out")
    other = replace(spec, question=TagQuestion(labels=load_label_set("dog,cat", templates="1")))
    with pytest.raises(InputError, match="another run: labels: dog, cat, tree there, dog, cat now"):
        begin(other.open(), photos, tmp_path / "out")
    with pytest.raises(InputError, match="was begun with"):
        begin(job, photos / "1.png", tmp_path / "out")
    clear_run(tmp_path / "out")
    begin(other.open(), photos, tmp_path / "out")


def test_batch_size_and_workers_do_not_change_the_question(spec):
    from dataclasses import replace

    one, two = spec.open(), replace(spec, batch_size=5, workers=1).open()
    assert one.fingerprint() == two.fingerprint()
    top = replace(spec, question=TagQuestion(labels=LABELS, threshold=Threshold(kind="top", value=2.0)))
    assert top.open().fingerprint() != one.fingerprint()


def test_a_threshold_replaces_the_method_s_own(spec, photos, tmp_path):
    from dataclasses import replace

    top = replace(spec, question=TagQuestion(labels=LABELS, threshold=Threshold(kind="top", value=2.0)))
    job = top.open()
    run = begin(job, photos, tmp_path / "out")
    list(go(run, job))
    assert all(len(row["tags"]) == 2 for row in read_rows(run.parts()))


@pytest.mark.parametrize("method", ["cls-seg", "gated", "maskclip"])
def test_masks_come_back_from_their_code(clip_folder, photos, tmp_path, method):
    question = SegmentQuestion(labels=LABELS)
    job = JobSpec(question=question, model=str(clip_folder), method=method, device="cpu", batch_size=2).open()
    run = begin(job, photos, tmp_path / "out", MaskParts())
    found = {answered.source.key: answered.answer for answered in go(run, job, MaskParts())}
    for row in read_rows(run.parts()):
        segmentation = found[row["key"]]
        rebuilt = torch.full(tuple(row["size"]), -1)
        for label, code in zip(row["labels"], row["counts"], strict=True):
            rebuilt[decode_rle(code, tuple(row["size"]))] = label
        assert torch.equal(rebuilt, segmentation.labels)
        assert row["names"] == [segmentation.names[i] for i in row["labels"]]
    summary = summarise(tmp_path / "out", "segment", segmentation.names)
    assert summary.images == 7
    assert sum(summary.counts) == sum(map(sum, summary.histograms))


def test_summary_counts_and_puts_doubtful_images_first():
    summary = Summary(kind="tag", names=("a", "b"))
    for i in range(200):
        summary.add(
            {
                "key": str(i),
                "tags": ["a"] if i else [],
                "scores": [1.0, i / 200],
                "margin": (i * 37 % 200) / 200,
            }
        )
    assert (summary.images, summary.untagged, summary.counts) == (200, 1, [199, 0])
    assert summary.histograms[0] == [0] * 19 + [200]
    assert summary.histograms[1] == [10] * 20
    assert [d.value for d in summary.doubts()] == [i / 200 for i in range(60)]


@pytest.mark.slow
def test_a_killed_run_is_complete_after_a_second_start(clip_folder, photos, tmp_path):
    """kill -9 in the middle; the parts that follow are whole and no image is missing or twice."""
    links = tmp_path / "links"
    links.mkdir()
    for i in range(400):
        (links / f"{i:04d}.png").symlink_to(photos / f"{i % 7}.png")
    command = ["tag", str(links), "--labels", "dog,cat", "--templates", "1",
               "--model", str(clip_folder), "--out", str(tmp_path / "out"), "--part-size", "20", "--no-cache"]  # fmt: skip
    process = run_verb(*command, said=tmp_path / "killed.txt")
    while len(part_files(tmp_path / "out", "tag")) < 3 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = part_files(tmp_path / "out", "tag")
    assert 3 <= len(before) < 20
    assert all(pq.read_metadata(path).num_rows == 20 for path in before)
    again = run_verb(*command, said=tmp_path / "again.txt")
    assert again.wait() == 0, again.errors()
    assert keys_of(tmp_path / "out") == [str(links / f"{i:04d}.png") for i in range(400)]
    assert len((tmp_path / "out" / "tags.csv").read_text().splitlines()) == 401
