"""No method named: every verb is answered by its default, over one encoder that is loaded once.

Photos that were given together are encoded together, by a method only when a verb first asks for it. So a model that was
opened without a method answers as the command line does.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.brief import Brief
from tagalign.labels import LabelSet
from tagalign.methods.protocols import HeatMapper, Method, Referrer, Segmenter, Tagger, refuse_foreign
from tagalign.methods.request import EACH_ITS_OWN
from tagalign.types import EncodedLabels, Referring, Segmentation, Tagging


class PhotoBatch:
    """Photos that were given together, and their encodings by each method that was asked so far."""

    def __init__(self, photos: Sequence[Image.Image]) -> None:
        self.photos = tuple(photos)
        self._encoded: dict[str, list[Any]] = {}
        self._lock = threading.Lock()  # a server asks from several threads

    def encoded(self, method: Method[Any]) -> list[Any]:
        """What a method makes of the photos; computed once."""
        with self._lock:
            # under the lock too: two threads that ask at once must not encode the photos twice
            if method.method not in self._encoded:
                self._encoded[method.method] = list(method.encode_images(self.photos))
            return self._encoded[method.method]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PhotoByVerb(Brief):
    """One photo of a batch.

    Attributes:
        method: ``default``.
        batch: the photos it was given with.
        place: among them.
    """

    method: str
    batch: PhotoBatch
    place: int

    def encoded(self, method: Method[Any]) -> Any:
        """What a method makes of the photo."""
        return self.batch.encoded(method)[self.place]

    @property
    def photo(self) -> Image.Image:
        """The photo itself."""
        return self.batch.photos[self.place]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LabelsByVerb(EncodedLabels):
    """Labels as the segmenter sees them, and as others do once they are asked."""

    others: dict[str, EncodedLabels] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def encoded(self, method: Method[Any]) -> EncodedLabels:
        """The labels as a method encodes them; computed once."""
        with self.lock:  # a server encodes them ahead, in another thread than the one that answers
            if method.method not in self.others:
                self.others[method.method] = method.encode_labels(self.label_set)
            return self.others[method.method]


class ByVerb:
    """The defaults of the verbs that need no trained part, behind one face.

    Attributes:
        method: ``default``.
        methods: what answers each verb; one object may answer several.
    """

    method = EACH_ITS_OWN

    def __init__(self, methods: Mapping[str, Method[Any]]) -> None:
        self.methods = dict(methods)

    def describe(self) -> dict[str, object]:
        """The encoder they share, and what answers each verb, with everything that a printed number must name."""
        parts = {verb: method.describe() for verb, method in self.methods.items()}
        first, *others = parts.values()
        shared = {
            name: value
            for name, value in first.items()
            if name != "method" and all(part.get(name) == value for part in others)
        }
        return {"method": self.method, **shared, **parts}

    def encode_images(self, images: Sequence[Image.Image]) -> list[PhotoByVerb]:
        """Keep upright RGB images together; they are encoded when they are first asked about."""
        batch = PhotoBatch(images)
        return [PhotoByVerb(method=self.method, batch=batch, place=i) for i in range(len(images))]

    def encode_labels(self, labels: LabelSet) -> LabelsByVerb:
        """Labels for the segmenter; for the others when they are asked."""
        segmenter = self.methods["segment"]
        own = segmenter.encode_labels(labels)
        return LabelsByVerb(
            method=self.method,
            label_set=labels,
            embeds=own.embeds,
            owners=own.owners,
            background=own.background,
            negatives=own.negatives,
            others={segmenter.method: own},
        )

    def tag(self, image: PhotoByVerb, labels: LabelsByVerb) -> Tagging:
        """Scores of all labels and the chosen ones, by the default tagger."""
        tagger: Tagger[Any] = self._answering("tag", image)
        return tagger.tag(image.encoded(tagger), labels.encoded(tagger))

    def segment(
        self, image: PhotoByVerb, labels: LabelsByVerb, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """A label for every pixel, by the default segmenter; the photo is known."""
        segmenter: Segmenter[Any] = self._answering("segment", image)
        return segmenter.segment(
            image.encoded(segmenter), labels.encoded(segmenter), photo=photo or image.photo
        )

    def heat_maps(self, image: PhotoByVerb, labels: LabelsByVerb) -> Float[Tensor, "labels height width"]:
        """A map per label, by the default segmenter."""
        method = self._answering("segment", image)
        mapper: HeatMapper = method
        return mapper.heat_maps(image.encoded(method), labels.encoded(method))

    def refer(self, image: PhotoByVerb, phrase: str) -> Referring:
        """The region of a phrase, by the default of ``refer``."""
        referrer: Referrer[Any] = self._answering("refer", image)
        return referrer.refer(image.encoded(referrer), phrase)

    def _answering(self, verb: str, image: PhotoByVerb) -> Any:
        refuse_foreign(image.method, self.method)
        return self.methods[verb]
