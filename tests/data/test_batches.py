"""Batches on their way to a device: every tensor goes along, and what is counted stays."""

import torch

from tagalign.data.batches import FeatureBatch, PixelBatch, PixelChunks
from tagalign.ops.tag_rows import TagRows

TAGS = TagRows.from_lists([[0], [1, 2]])
META = torch.device("meta")  # a device that is not the CPU, on every machine


def pixels(**more):
    return PixelBatch(
        pixels=torch.zeros(2, 3, 4, 4, dtype=torch.uint8), caption_ids=torch.zeros(2, 5, dtype=torch.int64), tags=TAGS,
        keys=("a", "b"), **more,
    )  # fmt: skip


def test_all_tensors_of_features_move():
    batch = FeatureBatch(
        features=torch.zeros(2, 4, 8),
        grid=(2, 2),
        texts=torch.zeros(2, 6),
        tags=TAGS,
        teacher=TAGS,
        position=[3],
    )
    moved = batch.to(META)
    tensors = (moved.features, moved.texts, moved.tags.images, moved.tags.tags, moved.teacher.tags)
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert (len(moved), moved.position, moved.grid) == (2, [3], (2, 2))
    bare = FeatureBatch(features=torch.zeros(1, 4, 8), grid=(2, 2), texts=None, tags=TagRows.from_lists([[]]))
    assert bare.to(META).texts is None
    assert bare.to(META).teacher is None


def test_all_tensors_of_pixels_move():
    moved = pixels().to(META)
    assert {t.device.type for t in (moved.pixels, moved.caption_ids, moved.tags.tags)} == {"meta"}
    assert (len(moved), moved.keys) == (2, ("a", "b"))


def test_chunks_are_one_batch():
    chunks = PixelChunks(
        chunks=(pixels(skipped={"damaged": 1}), pixels(skipped={"damaged": 2, "missing": 4})), position=9
    )
    assert len(chunks) == 4
    assert chunks.skipped == {"damaged": 3, "missing": 4}
    assert chunks.pin_memory() is chunks
    moved = chunks.to(META)
    assert [chunk.pixels.device.type for chunk in moved.chunks] == ["meta", "meta"]
    assert moved.position == 9
