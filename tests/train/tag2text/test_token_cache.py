"""Tokens on a disk: the same numbers as in memory, resumed, refused where there is no room or they are of something else."""

from collections import namedtuple
from dataclasses import replace

import pytest
import torch
from PIL import Image
from small_tag2text import NAMES, WORDS

from tagalign.data.tag2text.batches import PhotoData
from tagalign.data.tag2text.records import TaggedRecord
from tagalign.errors import DataError, InputError
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.train.tag2text import token_cache
from tagalign.train.tag2text.start import NewNetwork, encode_once, new_method
from tagalign.train.tag2text.token_cache import check_room, store_tokens, token_bytes


@pytest.fixture(scope="module")
def method(tmp_path_factory):
    folder = make_clip_folder(tmp_path_factory.mktemp("clip"))
    network = NewNetwork(image_encoder=str(folder), layers=1, width=16, heads=2)
    return new_method(network, names=NAMES, words=WORDS, profile="fixed", device="cpu")[0]


@pytest.fixture
def photos(tmp_path, method):
    for i in range(7):
        Image.new("RGB", (20, 30), (30 * i, 0, 90)).save(tmp_path / f"{i}.png")
    records = [TaggedRecord(key=str(i), image=f"{i}.png", captions=("a",), tags=((),)) for i in range(7)]
    return PhotoData(records=records, folder=tmp_path, preprocessing=method.preprocessing, crop=1.0)


def test_tokens_are_those_of_memory_and_their_size_is_known_before(method, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(token_cache, "SHARD_IMAGES", 3)
    held = encode_once(photos, method, batch_size=2)
    stored = store_tokens(photos, method, tmp_path / "c", batch_size=2)
    rows = [6, 0, 3, 3]
    # batches are cut at shards: other sums of float32, then rounded to float16
    torch.testing.assert_close(
        stored.images(rows, [0.0] * 4), held.images(rows, [0.0] * 4), atol=2e-3, rtol=2e-3
    )
    assert token_bytes(method, 7) == held.tokens.numel() * 2
    on_disk = sum(path.stat().st_size for path in (tmp_path / "c").glob("features-*.npy"))
    assert token_bytes(method, 7) <= on_disk <= token_bytes(method, 7) + 3 * 200  # headers


def test_a_stopped_run_goes_on_and_other_photos_are_refused(method, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(token_cache, "SHARD_IMAGES", 3)
    seen = []

    def stop(done):
        seen.append(done)
        if len(seen) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store_tokens(photos, method, tmp_path / "c", batch_size=3, show=stop)
    store_tokens(photos, method, tmp_path / "c", batch_size=3, show=stop)
    store_tokens(photos, method, tmp_path / "c", batch_size=3, show=stop)
    assert seen == [3, 6, 7]
    fewer = replace(photos, records=photos.records[:5])
    with pytest.raises(DataError, match="holds features with photos ="):
        store_tokens(fewer, method, tmp_path / "c", batch_size=3)


def test_a_disk_without_room_is_refused_before_anything_is_encoded(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(token_cache.shutil, "disk_usage", lambda place: usage(0, 0, 10 * 2**30))
    check_room(tmp_path / "not" / "there", 9 * 2**30)
    with pytest.raises(InputError, match=r"take 1117\.6 GiB and 10\.0 GiB are free"):
        check_room(tmp_path / "not" / "there", 1_200_000_000_000)
    # what an earlier run wrote is there already
    check_room(tmp_path, 12 * 2**30, there=4 * 2**30)
