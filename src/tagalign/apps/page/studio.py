"""What the page asks of models: each photo is encoded once per method, each label list once, and the rest is arithmetic."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from tagalign.backbones.preprocess import open_image
from tagalign.errors import InputError, TagalignError
from tagalign.methods.protocols import Captioner, Segmenter, Tagger
from tagalign.tags.label_lines import is_plain
from tagalign.tags.label_sets import label_set_of
from tagalign.tags.same_label import split_names
from tagalign.tasks.model import Model
from tagalign.types import Caption, EncodedLabels, Referring, Segmentation, Tagging

Key = TypeVar("Key")
Value = TypeVar("Value")

KEPT_PHOTOS = 16
KEPT_LABEL_LISTS = 64
MAX_PHOTO_BYTES = 50_000_000
WRITER = "tag2text"
"""The method that writes sentences."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StudioPhoto:
    """A photo on the page.

    Attributes:
        image: upright RGB.
        name: of the file.
        encoded: what the method made of it.
        encode_ms: what that took, when it was done.
        from_memory: that it was done before.
    """

    image: Image.Image
    name: str
    encoded: Any
    encode_ms: float
    from_memory: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """Everything that the page shows about one photo and one list of labels.

    Attributes:
        opened: the photo.
        labels: encoded.
        tagging: None when the method does not tag.
        segmentation: None when the method does not segment.
        answer_ms: from encoded photo and encoded labels to tags and masks.
    """

    opened: StudioPhoto
    labels: EncodedLabels
    tagging: Tagging | None
    segmentation: Segmentation | None
    answer_ms: float


class Studio:
    """Models by method, with photos and labels they have seen kept in memory.

    One thing is computed at a time: a page has few users, and a model takes all cores as it is.

    Attributes:
        methods: names that the page offers.
    """

    def __init__(self, open_model: Callable[[str], Model], methods: Sequence[str]) -> None:
        self._open_model = open_model
        self.methods = tuple(methods)
        self._models: dict[str, Model] = {}
        self._photos: OrderedDict[tuple[str, str], StudioPhoto] = OrderedDict()
        self._labels: OrderedDict[tuple[str, str], EncodedLabels] = OrderedDict()
        self._lock = threading.RLock()

    def model(self, method: str) -> Model:
        """The model of a method, opened at its first use."""
        with self._lock:
            if method not in self._models:
                self._models[method] = self._open_model(method)
            return self._models[method]

    def open(self, path: str | Path | None, method: str) -> StudioPhoto:
        """A photo, encoded by a method.

        Raises:
            InputError: without a photo.
            ImageError: if it cannot be read.
        """
        if path is None:
            raise InputError("choose a photo first")
        data = _read(Path(path))
        key = (method, hashlib.blake2b(data, digest_size=16).hexdigest())
        with self._lock:
            if key in self._photos:
                self._photos.move_to_end(key)
                return replace(self._photos[key], name=Path(path).name, from_memory=True)
            image, model = open_image(path), self.model(method)
            start = time.perf_counter()
            encoded = model.encode_image(image)
            opened = StudioPhoto(
                image=image,
                name=Path(path).name,
                encoded=encoded,
                encode_ms=1000 * (time.perf_counter() - start),
            )
            _keep(self._photos, key, opened, KEPT_PHOTOS)
            return opened

    def labels(self, text: str, method: str) -> EncodedLabels:
        """Labels that a person typed: names between commas or line breaks, or the name of a benchmark's list.

        Raises:
            InputError: for none, an empty or a repeated one.
        """
        typed = typed_labels(text)
        with self._lock:
            key = (method, typed)
            if key not in self._labels:
                _keep(self._labels, key, self.model(method).encode_labels(typed), KEPT_LABEL_LISTS)
            self._labels.move_to_end(key)
            return self._labels[key]

    def look(self, path: str | Path | None, text: str, method: str) -> Shown:
        """Tags and masks of a photo.

        Raises:
            TagalignError: if the photo, the labels or the method cannot be used.
        """
        with self._lock:
            opened, labels = self.open(path, method), self.labels(text, method)
            model = self.model(method)
            start = time.perf_counter()
            tagging = model.tag(opened.encoded, labels) if isinstance(model.implementation, Tagger) else None
            found = None
            if isinstance(model.implementation, Segmenter):
                found = model.segment(opened.encoded, labels, photo=opened.image)
            elapsed = 1000 * (time.perf_counter() - start)
            return Shown(opened=opened, labels=labels, tagging=tagging, segmentation=found, answer_ms=elapsed)

    def heat(self, path: str | Path | None, name: str, method: str) -> tuple[Image.Image, Any]:
        """A photo and the map of one label on it, in [0, 1]."""
        with self._lock:
            opened = self.open(path, method)
            maps = self.model(method).heat_maps(opened.encoded, self.labels_of_name(name, method))
            return opened.image, maps[0]

    def labels_of_name(self, name: str, method: str) -> EncodedLabels:
        """One label as a list of its own; it may hold a comma."""
        if not name.strip():
            raise InputError("choose a label first")
        with self._lock:
            key = (method, "\n" + name)
            if key not in self._labels:
                _keep(
                    self._labels,
                    key,
                    self.model(method).encode_labels(label_set_of([name])),
                    KEPT_LABEL_LISTS,
                )
            return self._labels[key]

    def refer(self, path: str | Path | None, phrase: str, method: str) -> tuple[Image.Image, Referring]:
        """A photo and the region that a phrase means on it."""
        with self._lock:
            opened = self.open(path, method)
            return opened.image, self.model(method).refer(opened.encoded, phrase)

    def caption(self, path: str | Path | None, tags: str, method: str) -> Caption:
        """A sentence, guided by tags where some are typed; by ``tag2text`` where the chosen method writes none."""
        typed = list(filter(None, split_names(tags)))
        with self._lock:
            if not self.can_caption(method) and WRITER in self.methods:
                method = WRITER
            opened = self.open(path, method)
            return self.model(method).caption(opened.encoded, tags=typed or None)

    def can_caption(self, method: str) -> bool:
        """Whether the method writes sentences."""
        return isinstance(self.model(method).implementation, Captioner)


def typed_labels(text: str) -> str:
    r"""Labels between commas, whatever stood between them; lines as they are where one has more than names.

    >>> typed_labels(" dog,, cat\nsky "), typed_labels("cup: mug; not vase\ndog")
    ('dog,cat,sky', 'cup: mug; not vase\ndog\n')

    Raises:
        InputError: for no label at all.
    """
    if not all(map(is_plain, text.split("\n"))):
        return text.strip() + "\n"
    names = list(filter(None, split_names(text.replace("\n", ","))))
    if not names:
        raise InputError("type at least one label, e.g. dog, grass, sky")
    return ",".join(names)


def usable_methods(open_model: Callable[[str], Model], names: Sequence[str]) -> list[str]:
    """The methods among ``names`` that this model has everything for."""
    usable = []
    for name in names:
        try:
            open_model(name)
        except TagalignError:  # without its trained part, mostly
            continue
        usable.append(name)
    return usable


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_PHOTO_BYTES:
            raise InputError(f"{path.name}: larger than {MAX_PHOTO_BYTES // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from error


def _keep(kept: "OrderedDict[Key, Value]", key: Key, value: Value, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
