"""Batches for Tag2Text: images (or their frozen tokens), one caption each, tag ids, a question.

Which images a step takes and what is drawn for them depends on the seed and the step alone, so a resumed run needs no
data position.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import to_tensor
from tagalign.backbones.preprocess import Preprocessing, open_image
from tagalign.data.batches import Position
from tagalign.data.processes import Processes
from tagalign.data.tag2text.augment import rand_augment
from tagalign.data.tag2text.records import TaggedRecord, clean_caption
from tagalign.errors import InputError
from tagalign.methods.tag2text.image_value import square_pixels

QuestionAnswer = tuple[str, str]
"""A question and its answer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tag2TextBatch:
    """What one step sees: the images of one process, and all words of the step.

    Words are small, so every process has them all; what is drawn for them is then the same however many share the step.

    Attributes:
        images: pixels, or frozen image tokens, of the rows ``own``.
        are_tokens: which of the two.
        captions: one per image of the whole step, cleaned.
        caption_tags: tag ids parsed from that caption.
        image_tags: tag ids of all captions of the image together.
        questions: one per image with its answer; empty when the data has none.
        own: the rows of this process; all where there is one.
        position: the next step of the run.
        skipped: none.
    """

    images: Tensor
    are_tokens: bool
    captions: tuple[str, ...]
    caption_tags: tuple[tuple[int, ...], ...]
    image_tags: tuple[tuple[int, ...], ...]
    questions: tuple[QuestionAnswer, ...] = ()
    own: slice = field(default_factory=lambda: slice(None))
    position: Position = None
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> "Tag2TextBatch":
        """On another device, without waiting for the copy."""
        return replace(self, images=self.images.to(device, non_blocking=True))

    def pin_memory(self) -> "Tag2TextBatch":
        """In page-locked memory, from which copies run beside the computation."""
        return replace(self, images=self.images.pin_memory())


@runtime_checkable
class Tag2TextData(Protocol):
    """Images with records; ``images`` may augment, each image with a seed of its own."""

    @property
    def are_tokens(self) -> bool:
        """Whether ``images`` gives frozen tokens instead of pixels."""
        ...

    @property
    def records(self) -> Sequence[TaggedRecord]:
        """Captions and tag ids, one record per image."""
        ...

    @property
    def questions(self) -> Sequence[Sequence[QuestionAnswer]]:
        """Per image; empty when there are none."""
        ...

    def images(self, rows: Sequence[int], seeds: Sequence[float]) -> Tensor:
        """Pixels or tokens of some images."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenData:
    """Frozen image tokens in memory (float16 is enough) with their records.

    Attributes:
        tokens: one row per record.
        records: captions and tag ids.
        questions: per image; empty when there are none.
    """

    tokens: Float[Tensor, "images tokens width"]
    records: Sequence[TaggedRecord]
    questions: Sequence[Sequence[QuestionAnswer]] = ()
    are_tokens: bool = True

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.records) or len(self.questions) not in (0, len(self.records)):
            raise InputError(
                f"expected one record (and one list of questions, or none) per image, got {len(self.tokens)} images, "
                f"{len(self.records)} records and {len(self.questions)} lists of questions"
            )

    def images(self, rows: Sequence[int], seeds: Sequence[float]) -> Tensor:
        """Tokens of some images in float32; nothing is random."""
        return self.tokens[list(rows)].float()


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoData:
    """Photos opened when a step needs them, cropped and flipped as in the release.

    Attributes:
        records: captions and tag ids.
        folder: relative image paths start here.
        preprocessing: side, mean and deviation of the pixels.
        crop: smallest share of the area that a random crop keeps; 1 squeezes the whole photo to the square.
        flip: mirror half of the photos; off when captions speak of left and right.
        workers: threads that decode.
        questions: per image; empty when there are none.
        rand_augment: change colours and shapes as well, see ``augment``.
    """

    records: Sequence[TaggedRecord]
    folder: Path
    preprocessing: Preprocessing
    crop: float = 0.2
    flip: bool = True
    workers: int = 4
    questions: Sequence[Sequence[QuestionAnswer]] = ()
    rand_augment: bool = False
    are_tokens: bool = False

    def images(self, rows: Sequence[int], seeds: Sequence[float]) -> Tensor:
        """Pixels of some photos."""
        paths = [self.folder / self.records[row].image for row in rows]
        with ThreadPoolExecutor(max(1, self.workers)) as pool:
            return torch.stack(list(pool.map(self._one, paths, seeds)))

    def _one(self, path: Path, seed: float) -> Float[Tensor, "3 side side"]:
        return self.pixels(open_image(path), seed)

    def pixels(self, image: Image.Image, seed: float) -> Float[Tensor, "3 side side"]:
        """Cropped, flipped and changed as the settings say, normalised."""
        rng, side = Random(seed), self.preprocessing.image_size  # noqa: S311 - augmentation, not secrets
        if self.crop < 1:
            image = random_part(image, rng, side=side, smallest=self.crop)
            if self.flip and rng.random() < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        elif not self.rand_augment:
            return square_pixels(image, self.preprocessing)
        else:
            image = image.resize((side, side), Image.Resampling.BILINEAR)
        return to_tensor(rand_augment(image, rng) if self.rand_augment else image, self.preprocessing)


def random_part(image: Image.Image, rng: Random, *, side: int, smallest: float) -> Image.Image:
    """A random part of the image, between ``smallest`` and all of its area and 3:4 to 4:3 in ratio, as a square.

    Bicubic; an image into which no such part fits is squeezed whole (the usual random resized crop).
    """
    area = image.width * image.height
    for _ in range(10):
        target = area * rng.uniform(smallest, 1.0)
        ratio = (4 / 3) ** rng.uniform(-1, 1)
        width, height = round((target * ratio) ** 0.5), round((target / ratio) ** 0.5)
        if 0 < width <= image.width and 0 < height <= image.height:
            left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
            box = (left, top, left + width, top + height)
            return image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    return image.resize((side, side), Image.Resampling.BICUBIC)


def step_rng(seed: int, step: int, purpose: str) -> Random:
    """Random numbers of one step for one purpose."""
    return Random(f"tag2text/{seed}/{step}/{purpose}")  # noqa: S311 - training, not secrets


def rows_of_step(step: int, *, count: int, batch_size: int, seed: int) -> list[int]:
    """Images of a step: every epoch shuffles all of them anew; what does not fill a batch waits for another epoch.

    Raises:
        InputError: if there are fewer images than a batch holds.
    """
    per_epoch = count // batch_size
    if per_epoch == 0:
        raise InputError(f"the data has {count} images, a batch needs {batch_size}; lower --batch-size")
    epoch, place = divmod(step, per_epoch)
    return order_of_epoch(epoch, count, seed)[place * batch_size : (place + 1) * batch_size].tolist()


@lru_cache(maxsize=1)
def order_of_epoch(epoch: int, count: int, seed: int) -> Int[Tensor, " images"]:
    """All rows in the order of an epoch; kept until the next: shuffling 14 M of them takes a second."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def draw_seeds(rows: Sequence[int], rng: Random) -> list[float]:
    """One seed per image, for its augmentation."""
    return [rng.random() for _ in rows]


def batch_of_step(
    data: Tag2TextData, step: int, *, batch_size: int, seed: int, processes: Processes | None = None
) -> Tag2TextBatch:
    """The batch of a step, with the images of one process.

    Raises:
        InputError: if there are fewer images than a batch holds.
    """
    rows = rows_of_step(step, count=len(data.records), batch_size=batch_size, seed=seed)
    own = slice(None) if processes is None else processes.own_rows(batch_size)
    return replace(batch_of_rows(data, rows, step, seed=seed, own=own), position=step + 1)


def batch_of_rows(
    data: Tag2TextData, rows: Sequence[int], number: int, *, seed: int, own: slice = slice(None)
) -> Tag2TextBatch:
    """A batch of chosen images: one caption (and one question) is drawn per image, for a seed and a number of the batch."""
    seeds = draw_seeds(rows, step_rng(seed, number, "images"))
    return batch_of_records(
        [data.records[row] for row in rows],
        data.images(rows[own], seeds[own]),
        step_rng(seed, number, "captions"),
        are_tokens=data.are_tokens,
        questions=[data.questions[row] for row in rows] if data.questions else (),
        own=own,
    )


def batch_of_records(
    records: Sequence[TaggedRecord],
    images: Tensor,
    rng: Random,
    *,
    are_tokens: bool = False,
    questions: Sequence[Sequence[QuestionAnswer]] = (),
    own: slice = slice(None),
) -> Tag2TextBatch:
    """A batch of records: one caption, and one question where there are some, is drawn for each.

    Args:
        records: of the whole step.
        images: pixels or tokens of this process's.
        rng: what draws, the same in every process.
        are_tokens: what ``images`` is.
        questions: of each record; none where the data has none.
        own: rows of this process.
    """
    chosen = [rng.randrange(len(record.captions)) for record in records]
    asked = [rng.choice(some) for some in questions]
    return Tag2TextBatch(
        images=images,
        are_tokens=are_tokens,
        captions=tuple(clean_caption(r.captions[i]) for r, i in zip(records, chosen, strict=True)),
        caption_tags=tuple(r.tags[i] for r, i in zip(records, chosen, strict=True)),
        image_tags=tuple(r.all_tags() for r in records),
        questions=tuple(asked),
        own=own,
    )
