"""What the page asks of models: each photo is encoded once per method, each label list once, and the rest is arithmetic."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from tagalign.apps.page.choice import MethodChoice, as_choice
from tagalign.apps.page.texts import say
from tagalign.apps.variants.variants import Variant, Variants
from tagalign.backbones.preprocess import open_image
from tagalign.errors import InputError, TagalignError
from tagalign.methods.protocols import Captioner, LookTaker, Segmenter, Tagger
from tagalign.methods.table import background_words_act
from tagalign.tags.label_lines import is_plain
from tagalign.tags.label_sets import background_words, common_things, label_set_of, load_label_set
from tagalign.tags.same_label import split_names
from tagalign.tasks.model import Model
from tagalign.tasks.regions.voting import part_instances
from tagalign.tasks.suggesting import merge, rank
from tagalign.types import Caption, EncodedLabels, Referring, Segmentation, Tagging

Key = TypeVar("Key")
Value = TypeVar("Value")

KEPT_PHOTOS = 16
KEPT_LABEL_LISTS = 64
MAX_PHOTO_BYTES = 50_000_000
WRITER = "tag2text"
"""The method that writes sentences."""
SUGGESTER = "maskclip"
SUGGESTED, NAMED = 12, 30
"""Names that are suggested, and those looked at for them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StudioPhoto:
    """A photo on the page.

    Attributes:
        image: upright RGB, shrunk where that was asked for.
        size: width and height of the file.
        name: of the file.
        encoded: what the method made of it.
        encode_ms: what that took, when it was done.
        from_memory: that it was done before.
    """

    image: Image.Image
    size: tuple[int, int]
    name: str
    encoded: Any
    encode_ms: float
    from_memory: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the image has the size of the file."""
        return self.image.size == self.size


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """Everything that the page shows about one photo and one list of labels.

    Attributes:
        opened: the photo.
        labels: encoded.
        tagging: None when the method does not tag.
        segmentation: None when the method does not segment.
        answer_ms: from encoded photo and encoded labels to tags and masks.
        described: what answered, with every option that acted.
        choice: what was chosen for it.
    """

    opened: StudioPhoto
    labels: EncodedLabels
    tagging: Tagging | None
    segmentation: Segmentation | None
    answer_ms: float
    described: Mapping[str, object] = field(default_factory=dict)
    choice: MethodChoice | None = None


class Studio:
    """Models by method, with photos and labels they have seen kept in memory.

    One thing is computed at a time: a page has few users, and a model takes all cores as it is.

    Attributes:
        methods: names that this model has everything for, the first one first.
        offered: names to choose from; what one of them lacks is said when it is chosen.
        started: options that the page was started with, by name.
        looks: at folders, by the name that the page shows.
    """

    def __init__(
        self,
        open_model: Callable[[str], Model],
        methods: Sequence[str],
        *,
        offered: Sequence[str] | None = None,
        started: Mapping[str, Any] | None = None,
        looks: Mapping[str, Path] | None = None,
    ) -> None:
        self._open_model = open_model
        self.methods = tuple(methods)
        self.offered = tuple(methods if offered is None else offered)
        self.started = dict(started or {})
        self.looks = dict(looks or {})
        self._models: dict[str, Model] = {}
        self._variants: dict[tuple[str, str | None], Variants] = {}
        self._photos: OrderedDict[tuple[str, str], StudioPhoto] = OrderedDict()
        self._labels: OrderedDict[tuple[str, str], EncodedLabels] = OrderedDict()
        self._lock = threading.RLock()

    def model(self, method: str) -> Model:
        """The model of a method, opened at its first use."""
        with self._lock:
            if method not in self._models:
                self._models[method] = self._open_model(method)
            return self._models[method]

    def variant(self, choice: MethodChoice | str, options: Mapping[str, Any] | None = None) -> Variant:
        """The model under what was chosen.

        Args:
            choice: a method and what goes with it.
            options: instead of those of the choice.

        Raises:
            TagalignError: if the method lacks something here, or does not take an option.
        """
        choice = as_choice(choice)
        key = choice.method, choice.look
        with self._lock:
            if key not in self._variants:
                self._variants[key] = Variants(self._with_look(choice), before=lambda: None)
            return self._variants[key].find(None, choice.options if options is None else options)

    def _with_look(self, choice: MethodChoice) -> Model:
        model = self.model(choice.method)
        if choice.look is None:
            return model
        if not isinstance(model.implementation, LookTaker):
            raise InputError(say("errors.look", method=repr(choice.method)))
        return Model(model.implementation.with_look(self.looks[choice.look]), name=model.name)

    def open(
        self, path: str | Path | None, choice: MethodChoice | str, *, most: int | None = None
    ) -> StudioPhoto:
        """A photo, encoded by a method under the options that act there.

        Args:
            path: of the file.
            choice: a method and what goes with it.
            most: longest side; a larger photo is shrunk before. None for the photo as it is.

        Raises:
            InputError: without a photo.
            ImageError: if it cannot be read.
        """
        if path is None:
            raise InputError(say("errors.photo"))
        data, choice = _read(Path(path)), as_choice(choice)
        mark = hashlib.blake2b(data, digest_size=16).hexdigest()
        key = (repr((choice.method, choice.look, sorted(choice.before.items()), most)), mark)
        with self._lock:
            if key in self._photos:
                self._photos.move_to_end(key)
                return replace(self._photos[key], name=Path(path).name, from_memory=True)
            image, model = open_image(path), self.variant(choice, choice.before).model
            size = image.size
            if most is not None and max(size) > most:
                # reducing by whole steps first: four times as fast, and nothing that an eye could tell
                image.thumbnail((most, most), Image.Resampling.LANCZOS, reducing_gap=2.0)
            start = time.perf_counter()
            encoded = model.encode_image(image)
            opened = StudioPhoto(
                image=image,
                size=size,
                name=Path(path).name,
                encoded=encoded,
                encode_ms=1000 * (time.perf_counter() - start),
            )
            _keep(self._photos, key, opened, KEPT_PHOTOS)
            return opened

    def labels(self, text: str, choice: MethodChoice | str) -> EncodedLabels:
        """Labels that a person typed: names between commas or line breaks, or the name of a benchmark's list.

        Raises:
            InputError: for none, an empty or a repeated one.
        """
        typed, choice = typed_labels(text), as_choice(choice)
        with self._lock:
            model = self.variant(choice).model
            key = (_key_of(choice), typed)
            if key not in self._labels:
                asked: Any = typed
                if choice.background_words is not None:
                    asked = replace(
                        load_label_set(typed), background=background_words(choice.background_words)
                    )
                _keep(self._labels, key, model.encode_labels(asked), KEPT_LABEL_LISTS)
            self._labels.move_to_end(key)
            return self._labels[key]

    def look(
        self, path: str | Path | None, text: str, choice: MethodChoice | str, *, most: int | None = None
    ) -> Shown:
        """Tags and masks of a photo.

        Args:
            path: of the file.
            text: labels as they were typed.
            choice: a method and what goes with it.
            most: longest side that the photo is answered at, as of ``open``; the least area of instances shrinks with it.

        Raises:
            TagalignError: if the photo, the labels or the method cannot be used.
        """
        choice = as_choice(choice)
        with self._lock:
            model = self.variant(choice).model
            _check(choice, model)
            opened, labels = self.open(path, choice, most=most), self.labels(text, choice)
            start = time.perf_counter()
            tagging = model.tag(opened.encoded, labels) if isinstance(model.implementation, Tagger) else None
            found = None
            if isinstance(model.implementation, Segmenter):
                found = model.segment(opened.encoded, labels, photo=opened.image)
                if choice.instances:
                    shrunk = opened.image.width * opened.image.height / (opened.size[0] * opened.size[1])
                    found = part_instances(found, min_area=round(choice.min_area * shrunk))
            elapsed = 1000 * (time.perf_counter() - start)
            return Shown(
                opened=opened,
                labels=labels,
                tagging=tagging,
                segmentation=found,
                answer_ms=elapsed,
                described=model.describe(),
                choice=choice,
            )

    def heat(
        self, path: str | Path | None, name: str, choice: MethodChoice | str, *, most: int | None = None
    ) -> tuple[Image.Image, Any]:
        """A photo and the map of one label on it, in [0, 1]; ``most`` as of ``open``."""
        with self._lock:
            opened = self.open(path, choice, most=most)
            maps = self.variant(choice).model.heat_maps(opened.encoded, self.labels_of_name(name, choice))
            return opened.image, maps[0]

    def suggest(
        self, path: str | Path | None, choice: MethodChoice | str, *, most: int | None = None
    ) -> list[str]:
        """Names that fit a photo best, near-synonyms as one, best first.

        By ``maskclip`` where it is at hand: one pass, however many names.
        """
        choice = as_choice(choice)
        if SUGGESTER in self.methods:
            choice = MethodChoice(method=SUGGESTER)
        with self._lock:
            opened, labels = self.open(path, choice, most=most), self._things(choice)
            found = self.variant(choice).model.tag(opened.encoded, labels).top(NAMED)
            row = {
                "key": opened.name,
                "tags": [name for name, _ in found],
                "tag_scores": [s for _, s in found],
            }
            return [one.name for one in merge(rank([row]), labels, most=SUGGESTED)]

    def _things(self, choice: MethodChoice) -> EncodedLabels:
        """The thousand things, encoded once."""
        key = (_key_of(choice), "\nthings")
        if key not in self._labels:
            _keep(
                self._labels, key, self.variant(choice).model.encode_labels(common_things()), KEPT_LABEL_LISTS
            )
        return self._labels[key]

    def labels_of_name(self, name: str, choice: MethodChoice | str) -> EncodedLabels:
        """One label as a list of its own; it may hold a comma."""
        if not name.strip():
            raise InputError(say("errors.label"))
        with self._lock:
            key = (_key_of(as_choice(choice)), "\n" + name)
            if key not in self._labels:
                encoded = self.variant(choice).model.encode_labels(label_set_of([name]))
                _keep(self._labels, key, encoded, KEPT_LABEL_LISTS)
            return self._labels[key]

    def refer(
        self, path: str | Path | None, phrase: str, choice: MethodChoice | str
    ) -> tuple[Image.Image, Referring]:
        """A photo and the region that a phrase means on it."""
        with self._lock:
            opened = self.open(path, choice)
            return opened.image, self.variant(choice).model.refer(opened.encoded, phrase)

    def caption(self, path: str | Path | None, tags: str, choice: MethodChoice | str) -> Caption:
        """A sentence, guided by tags where some are typed; by ``tag2text`` where the chosen method writes none."""
        typed, choice = list(filter(None, split_names(tags))), as_choice(choice)
        with self._lock:
            if not self.can_caption(choice.method) and WRITER in self.methods:
                choice = MethodChoice(method=WRITER)
            opened = self.open(path, choice)
            return self.variant(choice).model.caption(opened.encoded, tags=typed or None)

    def can_caption(self, method: str) -> bool:
        """Whether the method writes sentences."""
        return isinstance(self.model(method).implementation, Captioner)


def _key_of(choice: MethodChoice) -> str:
    """Of label lists: two choices of one key encode labels alike."""
    return repr((choice.method, choice.look, choice.background_words, sorted(choice.options.items())))


def _check(choice: MethodChoice, model: Model) -> None:
    """Refuse what would not act.

    Raises:
        InputError: naming it.
    """
    tags, has_masks = isinstance(model.implementation, Tagger), isinstance(model.implementation, Segmenter)
    if choice.instances and not has_masks:
        raise InputError(say("errors.instances", method=repr(choice.method)))
    has_background = bool(choice.options.get("background_rule"))
    asked = (verb for verb, can in (("tag", tags), ("segment", has_masks)) if can)
    acts = any(background_words_act(choice.method, one, has_background=has_background) for one in asked)
    if choice.background_words is not None and not acts and not has_masks:
        raise InputError(say("errors.words", method=repr(choice.method)))
    if choice.background_words is not None and not acts:
        raise InputError(say("errors.words_of_masks", method=repr(choice.method)))


def typed_labels(text: str) -> str:
    r"""Labels between commas, whatever stood between them; lines as they are where one has more than names.

    >>> typed_labels(" dog,, cat\nsky "), typed_labels("cup: mug; not vase\ndog")
    ('dog,cat,sky', 'cup: mug; not vase\ndog\n')

    Raises:
        InputError: for no label at all.
    """
    if not all(map(is_plain, text.split("\n"))):
        return text.rstrip() + "\n"  # blank lines above count: an error names the line
    names = list(filter(None, split_names(text)))
    if not names:
        raise InputError(say("errors.labels"))
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
            raise InputError(say("errors.large", name=path.name, most=MAX_PHOTO_BYTES // 1_000_000))
        return path.read_bytes()
    except OSError as error:
        raise InputError(say("errors.unread", name=path.name, reason=error.strerror)) from error


def _keep(kept: "OrderedDict[Key, Value]", key: Key, value: Value, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
