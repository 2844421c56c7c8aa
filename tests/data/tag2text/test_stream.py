"""Records streamed from tars: every one once per epoch, entered anywhere, shared by processes, broken ones counted."""

import io
import itertools
import json
import tarfile
import warnings
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.pairs import find_shards
from tagalign.data.processes import Processes
from tagalign.data.tag2text.batches import PhotoData
from tagalign.data.tag2text.shards import TaggedShards
from tagalign.data.tag2text.stream import RecordStream
from tagalign.data.tag_table import TagTable
from tagalign.errors import DataError
from tagalign.tags.row_hashes import key_hash
from tagalign.tags.vocabulary import TagLabels

EACH, TARS = 6, 3
ALONE = Processes()


def jpeg(color):
    file = io.BytesIO()
    Image.new("RGB", (10, 8), color).save(file, "JPEG")
    return file.getvalue()


def write_tar(path, samples):
    with tarfile.open(path, "w") as tar:
        for name, content in samples:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def record(number):
    return {"caption": [f"photo {number}", f"number {number}"], "parse_label_id": [[number % 4], []]}


@pytest.fixture
def folder(tmp_path):
    """Three tars of six photos; the colour of a photo is its number."""
    for t in range(TARS):
        samples = []
        for n in range(t * EACH, (t + 1) * EACH):
            samples += [
                (f"{n:03}.jpg", jpeg((10 * n, 0, 0))),
                (f"{n:03}.json", json.dumps(record(n)).encode()),
            ]
        write_tar(tmp_path / f"{t}.tar", samples)
    return tmp_path


def stream_of(folder, **changes):
    shards = TaggedShards(refs=tuple(find_shards([folder])), num_tags=4)
    rule = Preprocessing(image_size=8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    photos = PhotoData(records=(), folder=folder, preprocessing=rule, crop=1.0, workers=2)
    return RecordStream(shards=shards, photos=photos, **{"window": 2, **changes})


def batches(stream, count, *, position=None, size=3, processes=ALONE):
    found = stream.batches(position, batch_size=size, seed=5, processes=processes)
    return list(itertools.islice(found, count))


def numbers(batch):
    return [int(caption.split()[-1]) for caption in batch.captions]


def test_an_epoch_has_every_record_once_with_its_own_photo_and_tags(folder):
    found = batches(stream_of(folder), 12)
    epochs = [[n for batch in part for n in numbers(batch)] for part in (found[:6], found[6:])]
    assert [sorted(epoch) for epoch in epochs] == [list(range(18))] * 2
    assert epochs[0] != epochs[1]
    for batch in found:
        for n, image, ids, caption in zip(
            numbers(batch), batch.images, batch.image_tags, batch.caption_tags, strict=True
        ):
            assert float(image[0].mean()) * 255 == pytest.approx(10 * n, abs=4)  # JPEG
            assert ids == (n % 4,)
            assert caption in {(n % 4,), ()}


def test_a_stream_is_entered_at_any_batch(folder):
    whole = batches(stream_of(folder), 9)
    for at in (1, 4, 8):
        # as a checkpoint gives it back
        rest = batches(stream_of(folder), 9 - at, position=json.loads(json.dumps(whole[at - 1].position)))
        for a, b in zip(whole[at:], rest, strict=True):
            assert a.captions == b.captions
            assert torch.equal(a.images, b.images)
            assert a.position == b.position


def test_processes_share_a_step_as_one_would_take_it(folder):
    whole = batches(stream_of(folder), 4, size=4)
    parts = [batches(stream_of(folder), 4, size=4, processes=Processes(rank=rank, size=2)) for rank in (0, 1)]
    for one, first, second in zip(whole, *parts, strict=True):
        assert one.captions == first.captions == second.captions
        assert torch.equal(one.images, torch.cat([first.images, second.images]))


def test_who_is_held_out_is_never_trained_on(folder):
    stream = stream_of(folder, held_out=0.4, seed=1)
    data = stream.held_out_data()
    kept = {int(r.key) for r in data.records}
    assert 0 < len(kept) < 18
    trained = {n for batch in batches(stream, 20) for n in numbers(batch)}
    assert trained == set(range(18)) - kept
    pixels = data.images(range(len(data.records)), [0.0] * len(data.records))
    np.testing.assert_allclose(
        pixels[:, 0].mean((1, 2)) * 255, [10 * int(r.key) for r in data.records], atol=4
    )
    assert len(stream.held_out_data(most=2).records) == 2
    assert stream_of(folder).held_out_data() is None


def test_broken_samples_are_counted_and_the_run_goes_on(folder):
    write_tar(
        folder / "3.tar",
        [
            *[("100.jpg", jpeg("red")), ("101.jpg", jpeg("red")), ("101.json", b"{")],
            *[("102.jpg", b"no photo"), ("102.json", json.dumps(record(102)).encode())],
            *[("103.json", json.dumps(record(103)).encode())],
        ],
    )
    (folder / "4.tar").write_bytes(b"no tar at all, but long enough to be read as one" * 30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = batches(stream_of(folder), 8, size=5)  # two epochs of 20
    skipped = sum((Counter(batch.skipped) for batch in found), Counter())
    # a photo alone, a record that is none; a photo that is none, and none at all
    assert skipped == {"no record": 2 * 2, "blank photo": 2 * 2}
    grey = [image for batch in found for n, image in zip(numbers(batch), batch.images, strict=True) if n > 99]
    assert len(grey) == 4
    assert not torch.stack(grey).any()


def test_label_rows_are_joined_by_key(tmp_path):
    samples = []
    for n in range(4):
        samples += [(f"{n}.jpg", jpeg("red")), (f"{n}.txt", f"photo {n}".encode())]
    write_tar(tmp_path / "a.tar", samples)
    hashes = np.array([key_hash(str(n)) for n in range(3)], dtype=np.int64)
    labels = TagLabels(np.array([0, 1, 3, 3]), np.array([2, 0, 1], dtype=np.int32))
    shards = TaggedShards(refs=tuple(find_shards([tmp_path])), num_tags=4, labels=TagTable(hashes, labels))
    stream = RecordStream(shards=shards, photos=stream_of(tmp_path).photos)
    (batch,) = batches(stream, 1, size=4)
    tags = dict(zip(numbers(batch), batch.caption_tags, strict=True))
    assert tags == {0: (2,), 1: (0, 1), 2: (), 3: ()}


def test_what_no_run_could_learn_from_is_one_line(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_tar(other / "a.tar", [("1.jpg", jpeg("red")), ("1.txt", b"a dog")])
    with pytest.raises(DataError, match=r"needs KEY\.json with caption and parse_label_id"):
        stream_of(other).shards.check()
    write_tar(other / "a.tar", [("1.jpg", jpeg("red")), ("1.json", json.dumps(record(1)).encode())])
    wrong = TaggedShards(refs=tuple(find_shards([other])), num_tags=1)
    with pytest.raises(DataError, match="tag id 1 is outside the list of 1 tags"):
        wrong.check()
    write_tar(other / "a.tar", [("1.jpg", b"none"), ("1.json", json.dumps(record(1)).encode())])
    with pytest.raises(DataError, match="photos of one batch cannot be read"):
        batches(stream_of(other), 1, size=2)


def test_the_mark_changes_with_the_data(folder):
    before = stream_of(folder).shards
    assert before.count == 18
    mark = before.mark
    assert mark == stream_of(folder).shards.mark
    write_tar(folder / "0.tar", [("1.jpg", jpeg("red"))] * 30)
    assert mark != stream_of(folder).shards.mark
