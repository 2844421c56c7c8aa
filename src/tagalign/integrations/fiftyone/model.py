"""A FiftyOne model: what ``dataset.apply_model``, ``compute_embeddings`` and ``compute_similarity`` call."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from tagalign.backbones.preprocess import open_image
from tagalign.errors import InputError, MissingExtraError
from tagalign.export.fiftyone import mask_targets
from tagalign.integrations.fiftyone.outputs import AskedPhoto, labels_of, read_outputs
from tagalign.integrations.label_names import ToolLabels, asked_labels, assignments, checked_threshold
from tagalign.integrations.tool_model import ToolModel, open_tool_model
from tagalign.labels import BACKGROUND
from tagalign.methods.by_verb import ByVerb
from tagalign.tasks.search.rankers import DenseRanker, Tag2TextRanker, ranker_for

LABELS_FIELD = "labels"
"""The one key of ``needs_fields``: a field of the samples that says which labels are asked of each."""


@dataclass(kw_only=True, eq=False)
class FiftyOneSettings:
    """What a model was asked for. FiftyOne itself sets ``confidence_thresh`` for the time of a run, so it is no constant.

    Attributes:
        labels: as of ``integrations.cvat``: names between commas, a file, a benchmark's list, or labels with words of their
            own between ``|``.
        model: a name for ``tagalign.load``.
        method: of ``tagalign methods``; empty for the default of each verb.
        outputs: ``classifications``, ``segmentation``, ``detections``, ``heatmaps``, or several with commas between.
        names: ``label=name in the dataset``, with ``|`` between several.
        background: pixels that no label is sure of stay free; None where the method can.
        phrases: look for each label by itself; detections may lie over each other.
        split: a detection per connected part, else one per label.
        min_area: smaller detections are left out, in pixels.
        options: of the method, ``name=value`` with ``|`` between several.
        device: ``auto``, ``cpu`` or ``cuda``.
        confidence_thresh: tags and detections of at least this score, pixels below it free; None leaves tags to the method.
    """

    labels: str | Sequence[str] = ""
    model: str = "auto"
    method: str = ""
    outputs: str = "classifications"
    names: str = ""
    background: bool | None = None
    phrases: bool = False
    split: bool = True
    min_area: int = 0
    options: str = ""
    device: str = "auto"
    confidence_thresh: float | None = None

    def open(self) -> Any:
        """The model: a ``fiftyone.core.models.Model``.

        Raises:
            MissingExtraError: without FiftyOne.
            InputError: for a value that cannot be used.
        """
        kind = model_class()  # said before a model is fetched
        return kind(self)


class FiftyOneAnswers:
    """The answers; ``FiftyOneSettings.open`` puts FiftyOne's own base classes beside it.

    A model without labels embeds photos and texts, and predicts nothing.
    """

    def __init__(self, config: FiftyOneSettings) -> None:
        self.config = config
        self._outputs = read_outputs(config.outputs)
        if config.min_area < 0:
            raise InputError(f"min_area: expected pixels from 0, got {config.min_area}")
        self._has_labels = bool(config.labels)
        self._opened = self._open()
        self._ranker = _ranker(self._opened)
        self._last: list[Image.Image] = []
        self._fields: dict[str, str] = {}
        self._preprocess = True

    def _open(self) -> ToolModel:
        config = self.config
        # a model for embeddings alone is opened with a label that is never asked
        asked = asked_labels(config.labels or "photo", renamed=assignments(config.names))
        return open_tool_model(
            config.model,
            asked,
            method=config.method,
            background=config.background,
            options=config.options,
            device=config.device,
            phrases=config.phrases,
        )

    # --- what FiftyOne asks before it begins -------------------------------------------------------------------------

    @property
    def media_type(self) -> str:
        """Photos, and the frames of videos."""
        return "image"

    @property
    def ragged_batches(self) -> bool:
        """Photos of one batch may have any sizes: nothing is stacked before the model."""
        return False

    @property
    def transforms(self) -> None:
        """None: a photo is laid out by the method, which must know its size."""
        return

    @property
    def preprocess(self) -> bool:
        """Kept for FiftyOne; there are no transforms to apply."""
        return self._preprocess

    @preprocess.setter
    def preprocess(self, value: bool) -> None:
        self._preprocess = value

    @property
    def needs_fields(self) -> dict[str, str]:
        """``{"labels": FIELD}`` asks of each sample the labels in its own field: a text, texts, or labels of FiftyOne."""
        return self._fields

    @needs_fields.setter
    def needs_fields(self, fields: Mapping[str, str]) -> None:
        if unknown := fields.keys() - {LABELS_FIELD}:
            raise InputError(f"needs_fields: expected {{'labels': FIELD}}, got {', '.join(sorted(unknown))}")
        self._fields = dict(fields)

    @property
    def mask_targets(self) -> dict[int, str]:
        """Names by pixel value of segmentations, for ``dataset.mask_targets``."""
        asked = self._opened.asked
        names = tuple(asked.shown.get(name, name) for name in asked.labels.names)
        return mask_targets(names if BACKGROUND in names[:1] else (BACKGROUND, *names))

    # --- answers -----------------------------------------------------------------------------------------------------

    def predict(self, arg: Any, sample: Any = None) -> Any:
        """Labels of one photo; see ``predict_all``."""
        return self.predict_all([arg], samples=None if sample is None else [sample])[0]

    def predict_all(self, args: Iterable[Any], samples: Iterable[Any] | None = None) -> list[Any]:
        """Labels of photos of any sizes, encoded together.

        Args:
            args: uint8 arrays HW, HWC or NHWC, or PIL images.
            samples: that they belong to; needed with ``needs_fields``.

        Raises:
            InputError: without labels, for a sample whose field holds none, or a threshold that is no number.
        """
        threshold = checked_threshold("confidence_thresh", self.config.confidence_thresh)
        photos = [photo_of(arg) for arg in args]
        asked = self._askers(len(photos), samples)
        self._last = photos
        encoded = self._opened.model.encode_images(photos)
        rest = {name: getattr(self.config, name) for name in ("split", "min_area")}
        return [
            labels_of(
                AskedPhoto(opened=opened, encoded=one, image=image, threshold=threshold, **rest),
                self._outputs,
            )
            for opened, one, image in zip(asked, encoded, photos, strict=True)
        ]

    def _askers(self, count: int, samples: Iterable[Any] | None) -> list[ToolModel]:
        field = self._fields.get(LABELS_FIELD)
        if field is None:
            if not self._has_labels:
                raise InputError(
                    "this model was opened without labels, so it embeds and predicts nothing; give labels='dog,car'"
                )
            return [self._opened] * count
        if samples is None:
            raise InputError(f"labels come from field {field!r} of the samples, but no sample was given")
        return [self._opened.asking(_asked_of(sample, field)) for sample in samples]

    # --- embeddings --------------------------------------------------------------------------------------------------

    @property
    def has_embeddings(self) -> bool:
        """Whether its method has one vector for a photo and for a text."""
        return self._ranker is not None

    @property
    def can_embed_prompts(self) -> bool:
        """The same: texts and photos share their space."""
        return self.has_embeddings

    def get_embeddings(self) -> Float[np.ndarray, "photos dim"]:
        """Of the photos of the last prediction."""
        return self.embed_all(self._last)

    def embed(self, arg: Any) -> Float[np.ndarray, " dim"]:
        """The vector of one photo, unit length."""
        return np.asarray(self.embed_all([arg])[0])

    def embed_all(self, args: Iterable[Any]) -> Float[np.ndarray, "photos dim"]:
        """A vector per photo, unit length: a dot product is the cosine that ``tagalign search`` ranks by."""
        found = self._searching().embed_photos([photo_of(arg) for arg in args])
        return np.stack([one.embed.numpy() for one in found])

    def embed_prompt(self, arg: str) -> Float[np.ndarray, " dim"]:
        """The vector of one text."""
        return np.asarray(self.embed_prompts([arg])[0])

    def embed_prompts(self, args: Iterable[str]) -> Float[np.ndarray, "texts dim"]:
        """A vector per text, unit length; one text is a list of one."""
        texts = [args] if isinstance(args, str) else list(args)
        return np.asarray(self._searching().embed_texts(texts).numpy())

    def _searching(self) -> DenseRanker | Tag2TextRanker:
        if self._ranker is None:
            raise InputError(
                f"method {self._opened.model.method!r} has no vectors of photos; leave the method out, or take clip"
            )
        return self._ranker


def _ranker(opened: ToolModel) -> DenseRanker | Tag2TextRanker | None:
    implementation = opened.model.implementation
    method = implementation.methods["search"] if isinstance(implementation, ByVerb) else implementation
    try:
        return ranker_for(method)
    except InputError:
        return None


def photo_of(arg: Any) -> Image.Image:
    """An upright RGB photo from what FiftyOne hands over.

    Raises:
        InputError: for an array of another shape or type.
    """
    if isinstance(arg, Image.Image):
        return open_image(arg)
    pixels = np.asarray(arg)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in {3, 4})):
        raise InputError(
            f"expected a photo as uint8 array HW, HWC or HWC with alpha, got {pixels.dtype} of shape {pixels.shape}"
        )
    if not pixels.size:
        raise InputError(f"expected a photo of at least one pixel, got shape {pixels.shape}")
    return open_image(Image.fromarray(np.ascontiguousarray(pixels)))


def _asked_of(sample: Any, field: str) -> ToolLabels:
    """The labels in a field: a text, texts, a label of FiftyOne, or several."""
    try:
        value = sample[field]
    except (KeyError, AttributeError) as error:
        raise InputError(f"the samples have no field {field!r}, which should hold their labels") from error
    try:
        texts = [value] if isinstance(value, str) else list(_texts(value))
    except (AttributeError, TypeError):  # numbers, dictionaries, labels of another kind
        texts = []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"field {field!r} of a sample holds no label: expected texts, or labels of FiftyOne, got {value!r:.100}"
        )
    return asked_labels(texts[0] if len(texts) == 1 else texts)


def _texts(value: Any) -> Iterable[str]:
    if value is None:
        return ()
    rows = value if isinstance(value, list | tuple) else _members(value)
    return dict.fromkeys(row if isinstance(row, str) else row.label for row in rows)


def _members(value: Any) -> list[Any]:
    try:
        import fiftyone as fo
    except ImportError as error:
        raise MissingExtraError("labels of FiftyOne", "fiftyone", "fiftyone") from error
    if isinstance(value, fo.Classifications):
        return list(value.classifications)
    return list(value.detections) if isinstance(value, fo.Detections) else [value]


@cache
def model_class() -> type:
    """The answers with FiftyOne's own base classes, which are there only where FiftyOne is.

    Raises:
        MissingExtraError: without FiftyOne.
    """
    try:
        import fiftyone.core.models as fom
    except ImportError as error:
        raise MissingExtraError("tagalign.integrations.fiftyone", "fiftyone", "fiftyone") from error
    bases = (FiftyOneAnswers, fom.EmbeddingsMixin, fom.PromptMixin, fom.SamplesMixin, fom.Model)
    return type("TagalignModel", bases, {"__module__": __name__, "__doc__": FiftyOneAnswers.__doc__})
