"""The model under the options of a question: the same weights, another frozen options object, kept for the next question."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image

from tagalign.apps.variants.rules import read_options
from tagalign.errors import InputError, TagalignError
from tagalign.json_text import json_text
from tagalign.methods.by_verb import ByVerb
from tagalign.methods.describe import describe_options
from tagalign.methods.protocols import Adjustable, Method
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
        self._labels: OrderedDict[str, EncodedLabels] = OrderedDict()
        self._lock = threading.Lock()

    def labels(self, entries: Sequence[str | Mapping[str, Any]]) -> EncodedLabels:
        """Encoded labels, kept for the next request with the same list; for the model's threads.

        Args:
            entries: as ``load_label_set`` takes them.
        """
        key = json_text(entries)
        # locked while encoding too: whoever has the same list waits instead of encoding it again
        with self._lock:
            if key not in self._labels:
                self._labels[key] = self.model.encode_labels(load_label_set(entries))
            self._labels.move_to_end(key)
            while len(self._labels) > self._label_lists:
                self._labels.popitem(last=False)
            return self._labels[key]

    def holds(self, entries: Sequence[str | Mapping[str, Any]]) -> bool:
        """Whether the list is encoded already; no lock, for it only saves work."""
        return json_text(entries) in self._labels

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Images that are asked under the same options; for the model's threads."""
        self._before()
        return self.model.encode_images(images)


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
