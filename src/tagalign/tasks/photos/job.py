"""What is to be done with every image of a labelling run, and the model that does it, a window of images at a time."""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from PIL import Image

from tagalign.errors import InputError, TagalignError
from tagalign.methods.groups import group_ids
from tagalign.methods.load import load_method
from tagalign.methods.protocols import Segmenter, Tagger
from tagalign.methods.thresholds import Threshold
from tagalign.tasks.label_inputs import ImageSource
from tagalign.tasks.photos.rows import MASK_SCHEMA, TAG_SCHEMA, mask_row, tag_row
from tagalign.types import EncodedLabels, LabelSet, Segmentation, Tagging

Kind = Literal["tag", "segment"]
WINDOW = 4
"""Batches of a ``tag`` run that are read before one is encoded, so that images of one size find each other."""


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """Everything that decides the result; plain values, so that other processes can open it.

    Attributes:
        kind: ``tag`` or ``segment``.
        model: name for ``tagalign.load``.
        method: likewise; None for the model's own.
        options: of the method.
        labels: what is asked.
        threshold: replaces the method's own choice of tags.
        device: ``auto``, ``cpu`` or ``cuda``; does not count for the result.
        batch_size: images in one pass; likewise.
        workers: threads that decode; likewise.
    """

    kind: Kind = "tag"
    model: str = "tiny"
    method: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: LabelSet
    threshold: Threshold | None = None
    device: str = "auto"
    batch_size: int = 8
    workers: int = 2

    def open(self) -> "Job":
        """Load the model and encode the labels.

        Raises:
            InputError: if the method cannot do it.
        """
        method = load_method(
            self.model, method=self.method, device=self.device, batch_size=self.batch_size, **self.options
        )
        wanted: type = Tagger if self.kind == "tag" else Segmenter
        if not isinstance(method, wanted):
            raise InputError(f"method {method.method!r} cannot {self.kind}")
        return Job(spec=self, method=method, labels=method.encode_labels(self.labels))


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """What became of one image.

    Attributes:
        source: of the image.
        size: ``(height, width)``; None where the image failed.
        tagging: of a ``tag`` run.
        segmentation: of a ``segment`` run.
        error: why it failed.
    """

    source: ImageSource
    size: tuple[int, int] | None = None
    tagging: Tagging | None = None
    segmentation: Segmentation | None = None
    error: TagalignError | None = None

    def row(self) -> dict[str, object]:
        """For the Parquet part; only for images that did not fail."""
        if self.segmentation is not None:
            return mask_row(self.source.key, self.segmentation)
        if self.tagging is None or self.size is None:
            raise AssertionError("a failed image has no row")
        return tag_row(self.source.key, self.size, self.tagging)

    def error_row(self) -> dict[str, str]:
        """For ``errors.jsonl``."""
        return {"path": self.source.key, "error": type(self.error).__name__, "message": str(self.error)}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Read:
    """An image that was decoded, and prepared for the model where the method can do that ahead."""

    source: ImageSource
    image: Image.Image | None = None
    pixels: Any = None
    size: tuple[int, int] = (0, 0)
    error: TagalignError | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """An opened ``JobSpec``."""

    spec: JobSpec
    method: Any
    labels: EncodedLabels

    @property
    def schema(self) -> Any:
        """Of the rows."""
        return TAG_SCHEMA if self.spec.kind == "tag" else MASK_SCHEMA

    def mask_names(self) -> tuple[str, ...]:
        """What the ids of the masks mean: the labels, behind ``background`` where the method has that rule."""
        probe = Image.new("RGB", (8, 8))
        (encoded,) = self.method.encode_images([probe])
        found: Segmentation = self.method.segment(encoded, self.labels, photo=probe)
        return found.names

    def describe(self) -> dict[str, object]:
        """What a result must name; equal descriptions give equal results."""
        return {
            "kind": self.spec.kind,
            "model": self.method.describe(),
            "label_set": asdict(self.spec.labels),
            "threshold": None if self.spec.threshold is None else asdict(self.spec.threshold),
        }

    def fingerprint(self) -> str:
        """16 hex digits of ``describe``."""
        text = json.dumps(self.describe(), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def run(self, sources: Iterable[ImageSource]) -> Iterator[Labelled]:
        """Label images in their order. One that fails is passed on with its error; the others go on.

        Memory holds two windows of images and the encodings of one batch, however many images there are.
        """
        # masks need the photos themselves, which can be large: one batch of them at a time
        window = max(1, self.spec.batch_size * (WINDOW if self.spec.kind == "tag" else 1))
        with ThreadPoolExecutor(max(1, self.spec.workers)) as pool:
            chunk: list[_Read] = []
            for read in _ahead(pool, self._read, sources, depth=max(window, self.spec.workers)):
                chunk.append(read)
                if len(chunk) == window:
                    yield from self._label(chunk)
                    chunk = []
            yield from self._label(chunk)

    # --- reading, in threads --------------------------------------------------------------------------------------

    def _read(self, source: ImageSource) -> _Read:
        try:
            image = source.open()
        except TagalignError as error:
            return _Read(source=source, error=error)
        size = (image.height, image.width)
        if not hasattr(self.method, "lay"):
            return _Read(source=source, image=image, size=size)
        keeps_photo = self.spec.kind == "segment"
        return _Read(
            source=source, image=image if keeps_photo else None, pixels=self.method.lay(image), size=size
        )

    # --- labelling ------------------------------------------------------------------------------------------------

    def _label(self, window: Sequence[_Read]) -> Iterator[Labelled]:
        """Answers in the order of the images; batches hold images of one size."""
        found: dict[int, Labelled] = {
            i: Labelled(source=read.source, error=read.error)
            for i, read in enumerate(window)
            if read.error is not None
        }
        for ids in self._batches(window):
            found.update(zip(ids, self._try([window[i] for i in ids]), strict=True))
        yield from (found[i] for i in range(len(window)))

    def _batches(self, window: Sequence[_Read]) -> Iterator[list[int]]:
        by_size: dict[tuple[int, ...], list[int]] = {}
        for i, read in enumerate(window):
            if read.error is None:
                size = read.size if read.pixels is None else tuple(read.pixels.shape)
                by_size.setdefault(size, []).append(i)
        step = max(1, self.spec.batch_size)
        for ids in by_size.values():
            yield from (ids[start : start + step] for start in range(0, len(ids), step))

    def _try(self, chunk: Sequence[_Read]) -> list[Labelled]:
        """All together; where that fails, one by one, so that one image does not take the others along."""
        try:
            return self._answer(chunk)
        except TagalignError as error:
            if len(chunk) == 1:
                return [Labelled(source=chunk[0].source, error=error)]
            return [labelled for read in chunk for labelled in self._try([read])]

    def _answer(self, chunk: Sequence[_Read]) -> list[Labelled]:
        encoded = self._encode(chunk)
        if self.spec.kind == "segment":
            found = self._segment(encoded, [read.image for read in chunk])
            return [
                Labelled(source=read.source, size=read.size, segmentation=segmentation)
                for read, segmentation in zip(chunk, found, strict=True)
            ]
        return [
            Labelled(source=read.source, size=read.size, tagging=self._choose(tagging))
            for read, tagging in zip(chunk, self._tag(encoded), strict=True)
        ]

    def _encode(self, chunk: Sequence[_Read]) -> list[Any]:
        if chunk[0].pixels is not None:
            return list(self.method.encode_pixels([r.pixels for r in chunk], [r.size for r in chunk]))
        return list(self.method.encode_images([r.image for r in chunk]))

    def _tag(self, encoded: Sequence[Any]) -> list[Tagging]:
        if hasattr(self.method, "tag_batch"):
            return list(self.method.tag_batch(encoded, self.labels))
        return [self.method.tag(value, self.labels) for value in encoded]

    def _segment(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[Segmentation]:
        if hasattr(self.method, "segment_batch"):
            return list(self.method.segment_batch(encoded, self.labels, photos))
        pairs = zip(encoded, photos, strict=True)
        return [self.method.segment(value, self.labels, photo=photo) for value, photo in pairs]

    def _choose(self, tagging: Tagging) -> Tagging:
        if self.spec.threshold is None:
            return tagging
        groups = group_ids(self.spec.labels)
        return replace(tagging, chosen=self.spec.threshold.choose(tagging.scores, tagging.names, groups))


def _ahead(
    pool: ThreadPoolExecutor, read: Any, sources: Iterable[ImageSource], *, depth: int
) -> Iterator[_Read]:
    """Results in order, at most ``depth`` reads under way or waiting."""
    waiting: deque[Future[_Read]] = deque()
    for source in sources:
        waiting.append(pool.submit(read, source))
        if len(waiting) >= depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
