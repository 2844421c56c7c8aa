"""What a method can do, as small Protocols; ``tasks``, ``evaluate``, ``cli`` and ``apps`` know methods by these alone.

A method encodes an image once into a frozen value of its own kind and answers any number of questions from it. The value
names its method; another method refuses it with both names (``refuse_foreign``).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.errors import InputError
from tagalign.labels import LabelSet, Size
from tagalign.methods.looks.experts import Experts
from tagalign.methods.looks.step import LookStep
from tagalign.methods.thresholds import Threshold
from tagalign.types import Caption, EncodedLabels, Referring, Segmentation, Tagging

Encoded = TypeVar("Encoded")


@runtime_checkable
class Method(Protocol[Encoded]):
    """Common to all: encode images and names.

    Attributes:
        method: its name in ``ta.load(..., method=...)``.
    """

    method: str

    def encode_images(self, images: Sequence[Image.Image]) -> list[Encoded]:
        """Encode upright RGB images of any sizes as a batch; equal to encoding them one by one."""
        ...

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """Encode a label set with its templates."""
        ...

    def describe(self) -> dict[str, object]:
        """Everything that a result must name: model, weight hash, method, profile, sizes, windows, thresholds."""
        ...


@runtime_checkable
class Tagger(Method[Encoded], Protocol[Encoded]):
    """Which labels are in the image?"""

    def tag(self, image: Encoded, labels: EncodedLabels) -> Tagging:
        """Scores of all labels and the chosen ones."""
        ...


@runtime_checkable
class Segmenter(Method[Encoded], Protocol[Encoded]):
    """Which label has each pixel?"""

    def segment(
        self, image: Encoded, labels: EncodedLabels, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """Label map at the original size; ``photo`` is the same image, for methods that refine by its colours."""
        ...


@runtime_checkable
class Referrer(Method[Encoded], Protocol[Encoded]):
    """Which region does a phrase mean?"""

    def refer(self, image: Encoded, phrase: str) -> Referring:
        """Mask, box, score and heat map of the phrase."""
        ...


@runtime_checkable
class Captioner(Method[Encoded], Protocol[Encoded]):
    """What does the image show?"""

    def caption(self, image: Encoded, *, tags: Sequence[str] | None = None) -> Caption:
        """A sentence, guided by recognised or given tags."""
        ...


@runtime_checkable
class Answerer(Method[Encoded], Protocol[Encoded]):
    """What is the answer to a question about the image?"""

    def answer(self, image: Encoded, question: str) -> str:
        """A free-form answer."""
        ...


# --- abilities that save time or show more, beside the answers ------------------------------------------------------


@runtime_checkable
class Laid(Protocol):
    """An image as an encoder's input: a tensor, or a canvas with its views."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(3, height, width)``."""
        ...


@runtime_checkable
class Preparable(Protocol):
    """Its images can be made ready in threads, ahead of the encoder."""

    def lay(self, image: Image.Image) -> Laid:
        """An upright RGB image as the encoder's input; images of one shape can share a pass."""
        ...

    def encode_pixels(self, pixels: Sequence[Any], sizes: Sequence[Size]) -> list[Any]:
        """Encode what ``lay`` made, of images of these sizes; equal to ``encode_images``."""
        ...


@runtime_checkable
class SaysSeenSize(Protocol):
    """It says how much of a photo it sees, so that no more has to be decoded."""

    def seen_size(self, size: Size) -> Size:
        """``(height, width)`` that an upright photo of this size is resized to before it is encoded."""
        ...


@runtime_checkable
class PassSharer(Protocol):
    """Knows which photos go through its encoder together."""

    def pass_shape(self, size: Size) -> tuple[int, ...]:
        """Of an image of this size: equal for those that can share a pass, whatever their sizes.

        What the encoder sees counts: windows of one size can be cut out of photos of many.
        """
        ...


@runtime_checkable
class BatchTagger(Protocol):
    """A tagger that takes several images at once, with the result of one by one."""

    def tag_batch(self, images: Sequence[Any], labels: Any) -> list[Tagging]:
        """As ``tag`` for each image."""
        ...


@runtime_checkable
class BatchSegmenter(Protocol):
    """A segmenter that takes several images at once, with the result of one by one."""

    def segment_batch(
        self, images: Sequence[Any], labels: Any, photos: Sequence[Image.Image]
    ) -> list[Segmentation]:
        """As ``segment`` for each image."""
        ...


@runtime_checkable
class LookTaker(Protocol):
    """A tagger whose scores can be seen against those of a folder.

    Attributes:
        step: the look that it has; None for none.
        tag_threshold: which labels it chooses as tags.
    """

    @property
    def step(self) -> LookStep | None:
        """The look that it has."""
        ...

    @property
    def tag_threshold(self) -> Threshold:
        """Which labels it chooses as tags."""
        ...

    def look_facts(self) -> dict[str, Any]:
        """What the scores of tags depend on; a look holds for equal facts alone."""
        ...

    def with_look(self, path: Path) -> Any:
        """The same tagger with a look.

        Raises:
            InputError: if there is none at the path, or another tagger made it.
        """
        ...


@runtime_checkable
class CompoundScorer(Protocol):
    """A tagger that can score any sentence beside the labels, without changing their scores."""

    def with_compounds(self, labels: EncodedLabels, prompts: Sequence[str]) -> EncodedLabels:
        """The same labels with compound prompts beside them."""
        ...

    def compound_scores(self, image: Any, labels: EncodedLabels) -> list[float]:
        """One score of each of these prompts, in [0, 1]."""
        ...


@runtime_checkable
class TemplateJudge(Protocol):
    """A tagger that can be asked with each template by itself, and whose masks take the experts of a look."""

    def template_text(self, labels: LabelSet) -> Float[Tensor, "templates labels dim"]:
        """Every template with every name."""
        ...

    def template_sums(self, image: Any, text: Float[Tensor, "templates labels dim"]) -> Experts:
        """How sure each template is of the patches that it gives to each label."""
        ...

    def check_masks(self) -> None:
        """Refuse options that do not go with the experts of its look."""
        ...


@runtime_checkable
class PatchLearner(Protocol):
    """A tagger that learns from the patches of a folder.

    Attributes:
        by_text: the same encoder compared with the text; a folder is looked at with it.
    """

    by_text: Any

    def bank_sizes(self, num_labels: int) -> Any:
        """How many patches a look keeps; see ``methods.piaa.learner``."""
        ...


@runtime_checkable
class NamesDead(Protocol):
    """Encoded labels of which some found nothing in the folder that was looked at."""

    def dead(self) -> list[str]:
        """Their names; they keep the score that their text gives them."""
        ...


@runtime_checkable
class Adjustable(Protocol):
    """A method that can be had again under other options without its weights being loaded again.

    Attributes:
        given: its options as they were given, before profile and encoder settled what they leave open.
    """

    @property
    def given(self) -> Any:
        """An object of the method's options class."""
        ...

    def with_options(self, options: Any) -> Any:
        """The same method on the same weights, as if it had been opened with these options.

        Raises:
            InputError: for options that do not fit the encoder, or a look that was made under others.
        """
        ...


@runtime_checkable
class HeatMapper(Protocol):
    """A segmenter with maps of all labels."""

    def heat_maps(
        self, image: Any, labels: Any, *, size: Size | None = None
    ) -> Float[Tensor, "labels height width"]:
        """Probability or score of each label, at each pixel of the original image or at another size."""
        ...


@runtime_checkable
class BackgroundRule(Protocol):
    """A segmenter that can say of a pixel that it is none of the labels."""

    def with_background(self, scores: Tensor, ids: Tensor, names: tuple[str, ...]) -> Segmentation:
        """Winning scores and ids per pixel as a segmentation, by the method's own rule."""
        ...


@runtime_checkable
class Recogniser(Protocol):
    """A method with a tag list of its own."""

    def recognise(self, image: Any) -> Tagging:
        """All tags of that list."""
        ...


def refuse_foreign(encoded_by: str, method: str) -> None:
    """Refuse an image that another method encoded.

    Raises:
        InputError: naming both methods.
    """
    if encoded_by != method:
        raise InputError(
            f"the image was encoded for method {encoded_by!r}, this is {method!r}; encode it again with this model"
        )


def refuse_foreign_labels(labels: EncodedLabels, method: str) -> None:
    """Refuse labels that another method encoded: its prompts, and the means over them, may be others.

    Raises:
        InputError: naming both methods.
    """
    if labels.method != method:
        raise InputError(
            f"the labels were encoded for method {labels.method!r}, this is {method!r}; encode them again with this model"
        )
