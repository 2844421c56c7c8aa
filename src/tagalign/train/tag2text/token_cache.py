"""Frozen image tokens of all photos: how large they would be, and kept on a disk that has the room."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.data.feature_cache import CachedFeatures, CacheShard, FeatureCache
from tagalign.data.tag2text.batches import PhotoData, QuestionAnswer, draw_seeds, step_rng
from tagalign.data.tag2text.records import TaggedRecord
from tagalign.errors import InputError
from tagalign.methods.tag2text.image_encoders import ClipTokens
from tagalign.methods.tag2text.method import Tag2TextMethod

SHARD_IMAGES = 2048
ROOM = 1.02  # of the files beside the tokens
GIB = 2**30


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredTokens:
    """Frozen image tokens on a disk with their records; a ``Tag2TextData`` that reads the rows asked for.

    Attributes:
        store: tokens by row.
        records: captions and tag ids.
        questions: per image; empty when there are none.
    """

    store: CachedFeatures
    records: Sequence[TaggedRecord]
    questions: Sequence[Sequence[QuestionAnswer]] = ()
    are_tokens: bool = True

    def images(self, rows: Sequence[int], seeds: Sequence[float]) -> Tensor:
        """Tokens of some images in float32; nothing is random."""
        return self.store.take(np.asarray(rows, dtype=np.int64)).float()


@torch.no_grad()
def token_bytes(method: Tag2TextMethod, photos: int) -> int:
    """Bytes of the float16 tokens of so many photos: ``photos x tokens x width x 2``."""
    side = method.preprocessing.image_size
    one = method.model.image_encoder(torch.zeros(1, 3, side, side, device=method.device))
    return photos * one[0].numel() * 2


def check_room(folder: Path, needed: int, *, there: int = 0) -> None:
    """Refuse a cache that its disk cannot hold, before anything is encoded.

    Args:
        folder: of the cache; may not be there yet.
        needed: bytes of the whole cache.
        there: bytes of it that an earlier run wrote.

    Raises:
        InputError: with both sizes.
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    missing = needed * ROOM - there
    if missing > free:
        raise InputError(
            f"{folder}: the tokens take {needed / GIB:.1f} GiB and {free / GIB:.1f} GiB are free; give another "
            "--keep-in, or --no-keep-features, which encodes photos in every step"
        )


@torch.no_grad()
def store_tokens(
    photos: PhotoData,
    method: Tag2TextMethod,
    folder: Path,
    *,
    batch_size: int,
    show: Callable[[int], None] | None = None,
) -> StoredTokens:
    """Encode all photos once into shards on a disk; a stopped run goes on, other photos or weights are refused.

    Raises:
        InputError: if the disk has too little room.
        DataError: if the folder holds tokens of something else.
    """
    cache = FeatureCache(folder, facts=_facts(photos, method))
    done = sum(cache.counts)
    needed = token_bytes(method, len(photos.records))
    check_room(folder, needed, there=needed * done // max(len(photos.records), 1))
    for start in range(done, len(photos.records), SHARD_IMAGES):
        rows = range(start, min(start + SHARD_IMAGES, len(photos.records)))
        tokens = torch.cat(list(_encoded(photos, method, rows, batch_size)))
        cache.append(_shard(tokens, photos, rows))
        if show is not None:
            show(rows[-1] + 1)
    if not cache.is_complete:
        cache.finish((1, int(cache.store().take(np.zeros(1, dtype=np.int64)).shape[1])))
    return StoredTokens(store=cache.store(), records=photos.records, questions=photos.questions)


def _encoded(photos: PhotoData, method: Tag2TextMethod, rows: range, size: int) -> "list[Tensor]":
    parts = (rows[start : start + size] for start in range(0, len(rows), size))
    return [
        method.model.image_encoder(
            photos.images(part, draw_seeds(part, step_rng(0, part[0], "encode"))).to(method.device)
        ).cpu()
        for part in parts
    ]


def _shard(tokens: Float[Tensor, "images tokens width"], photos: PhotoData, rows: range) -> CacheShard:
    return CacheShard(
        features=tokens,
        texts=torch.zeros(len(rows), 1),  # captions meet the tokens in every step anew
        keys=[photos.records[row].key for row in rows],
        captions=["" for _ in rows],
    )


def _facts(photos: PhotoData, method: Tag2TextMethod) -> dict[str, object]:
    digest = hashlib.sha256()
    for record in photos.records:
        digest.update(record.image.encode() + b"\0")
    encoder = method.model.image_encoder
    assert isinstance(encoder, ClipTokens)  # others are trained
    return {
        "tokens of": encoder.backbone.name,
        "weights": encoder.backbone.weight_hash,
        "side": photos.preprocessing.image_size,
        "photos": digest.hexdigest()[:16],
    }
