"""The model under the options of a question: the same weights, another frozen options object, kept for the next question."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tagalign.apps.variants.rules import read_options
from tagalign.errors import InputError, TagalignError
from tagalign.json_text import json_text
from tagalign.methods.by_verb import ByVerb, LabelsByVerb, PhotoByVerb
from tagalign.methods.describe import describe_options
from tagalign.methods.protocols import Adjustable, Method, PassSharer
from tagalign.methods.table import METHODS, refuse_verb
from tagalign.option_fields import Verb
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.model import Model
from tagalign.types import EncodedLabels

CACHED_LABEL_LISTS = 32
"""Of the model as the server was started."""
CACHED_VARIANTS = 8
LABEL_LISTS_OF_A_VARIANT = 4
"""Fewer: eight variants with as many lists as the model itself would take eight times its memory."""


class Variant:
    """A model that answers, and the label lists that it encoded.

    Attributes:
        model: what answers.
        acted: options of the request by name, as they acted; None where the request gave none.
    """

    def __init__(
        self,
        model: Model,
        *,
        label_lists: int,
        before: Callable[[], None],
        acted: Mapping[str, object] | None = None,
    ) -> None:
        """What answers, how many label lists it keeps, and what is done before it encodes images."""
        self.model = model
        self.acted = acted
        self._before = before
        self._label_lists = label_lists
        self._labels: OrderedDict[str, _Place] = OrderedDict()
        self._encoders: dict[Verb, VerbEncoder] = {}
        self._lock = threading.Lock()

    def labels(self, entries: Sequence[str | Mapping[str, Any]]) -> EncodedLabels:
        """Encoded labels, kept for the next request with the same list; for the model's threads.

        Args:
            entries: as ``load_label_set`` takes them.
        """
        key = json_text(entries)
        with self._lock:
            place = self._labels.setdefault(key, _Place())
            self._labels.move_to_end(key)
            while len(self._labels) > self._label_lists:
                self._labels.popitem(last=False)
        # a lock per list: who has the same one waits instead of encoding it again, who has another does not wait
        with place.lock:
            if place.labels is None:
                place.labels = self._encoded(key, place, entries)
            return place.labels

    def _encoded(
        self, key: str, place: "_Place", entries: Sequence[str | Mapping[str, Any]]
    ) -> EncodedLabels:
        try:
            return self.model.encode_labels(load_label_set(entries))
        except BaseException:
            with self._lock:  # a list that cannot be used takes no room
                if self._labels.get(key) is place:
                    del self._labels[key]
            raise

    def holds(self, entries: Sequence[str | Mapping[str, Any]]) -> bool:
        """Whether the list is encoded, or being encoded, already; no lock, for it only saves work."""
        return json_text(entries) in self._labels

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Images that are asked under the same options; for the model's threads."""
        self._before()
        return self.model.encode_images(images)

    def encoder(self, verb: Verb) -> "VerbEncoder":
        """What encodes images that are asked one thing."""
        if verb not in self._encoders:
            whole = self.model.implementation
            method = whole.methods.get(verb, whole) if isinstance(whole, ByVerb) else whole
            self._encoders[verb] = VerbEncoder(self, method)
        return self._encoders[verb]


@dataclass(eq=False)
class _Place:
    """Of one list of labels among those that are kept."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    labels: EncodedLabels | None = None


class VerbEncoder:
    """A variant as the encoder of images for one verb; equal for verbs that one method of the variant answers.

    A model without a method answers every verb by another one, and each encodes for itself: images for different verbs in
    one batch would be encoded by all of them.
    """

    def __init__(self, variant: Variant, method: Method[Any]) -> None:
        """The variant, and that of its methods which answers."""
        self._variant = variant
        self._method = method
        self._key = (id(variant), method.method)
        # asked once: a Protocol with its attributes is looked through at every `isinstance`
        self._sharer = method if isinstance(method, PassSharer) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerbEncoder) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __call__(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Encode now, for the model's threads: what goes wrong is then known before anything is answered."""
        encoded = self._variant.encode(images)
        for one in encoded[:1]:  # it encodes all of its batch
            if isinstance(one, PhotoByVerb):
                one.encoded(self._method)
        return encoded

    def read_ahead(self, entries: Sequence[str | Mapping[str, Any]]) -> None:
        """Encode labels as the method that answers will want them, for the model's threads."""
        labels = self._variant.labels(entries)
        if isinstance(labels, LabelsByVerb):
            labels.encoded(self._method)

    def shape(self, image: Image.Image) -> tuple[int, ...]:
        """Equal for images that go through the encoder in one pass."""
        size = (image.height, image.width)
        return size if self._sharer is None else self._sharer.pass_shape(size)


class Variants:
    """The model as it was started, and the last variants of it that requests asked for.

    Attributes:
        own: the model as it was started.
    """

    def __init__(self, model: Model, *, before: Callable[[], None]) -> None:
        self.own = Variant(model, label_lists=CACHED_LABEL_LISTS, before=before)
        self._before = before
        self._kept: OrderedDict[tuple[str, tuple[str, ...], str], Variant] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, verb: Verb | None, values: Mapping[str, Any]) -> Variant:
        """The variant of these options; built where none is kept. May take milliseconds, so not for the event loop.

        Args:
            verb: that is asked; None where one set of options serves several, which needs a model of one method.
            values: by name.

        Raises:
            InputError: for an option that the method has not, that does not act for the verb, that a request may not set,
                or a value that it does not take.
        """
        if not values:
            return self.own
        method = self._answering(verb)
        options = read_options(method, verb, values)
        key = (method.method, tuple(sorted(values)), repr(options))
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._build(method, options, values)
            self._kept.move_to_end(key)
            while len(self._kept) > CACHED_VARIANTS:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _answering(self, verb: Verb | None) -> Any:
        whole = self.own.model.implementation
        method: Method[Any] | None = whole
        if verb is not None:
            method = whole.methods.get(verb) if isinstance(whole, ByVerb) else whole
            if method is None or (method.method in METHODS and verb not in METHODS[method.method].can):
                raise refuse_verb(f"method {whole.method!r}", verb)
        if not isinstance(method, Adjustable):
            raise InputError(
                f"options: method {whole.method!r} takes none with a question; give them when it is started"
            )
        return method

    def _build(self, method: Any, options: Any, values: Mapping[str, Any]) -> Variant:
        try:
            built = method.with_options(options)
        except TagalignError as error:
            # a look on the server's disk is nothing a client knows of, nor where it lies
            text = str(error).replace(str(getattr(options, "look", None)), "the look of this server")
            raise InputError(f"options: {text}") from None
        described = describe_options(built.given)
        return Variant(
            Model(built, name=self.own.model.name),
            label_lists=LABEL_LISTS_OF_A_VARIANT,
            before=self._before,
            acted={name: described[name] for name in values},
        )
