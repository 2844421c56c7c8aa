"""The door users open: one object that encodes images and names and answers questions, whatever the method."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.models import resolve_auto
from tagalign.backbones.preprocess import open_image
from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.methods.by_verb import ByVerb
from tagalign.methods.load import load_method
from tagalign.methods.protocols import Answerer, Captioner, HeatMapper, Method, Referrer, Segmenter, Tagger
from tagalign.methods.table import methods, refuse_verb
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.answering import BatchAnswerer
from tagalign.tasks.captioning import BatchCaptioner
from tagalign.tasks.photos.region_files import given_regions
from tagalign.tasks.regions.options import MIN_AREA, RegionOptions
from tagalign.tasks.regions.voting import part_instances, vote_regions
from tagalign.types import Caption, EncodedLabels, Ranking, Referring, Segmentation, Tagging

if TYPE_CHECKING:
    from tagalign.tasks.search.index import SearchIndex

ImageSource = str | Path | Image.Image
LabelSource = LabelSet | EncodedLabels | str | Path | Sequence[str]


class Model:
    """A method behind the calls of the README. Encoded values are frozen; the model keeps no state between calls.

    Attributes:
        implementation: what does the work; see ``methods.protocols``.
        name: it was opened by: ``tiny``, a folder, an id of the hub.
    """

    def __init__(self, implementation: Method[Any], *, name: str | None = None) -> None:
        self.implementation = implementation
        self.name = str(implementation.describe().get("model", "")) if name is None else name

    def __repr__(self) -> str:
        return f"Model({self.name}, method={self.method!r})"

    @property
    def method(self) -> str:
        """Name of the method that answers; ``default`` where every verb is answered by its own."""
        return self.implementation.method

    def describe(self) -> dict[str, object]:
        """Everything that a result must name: model, weights, method and every option that acts."""
        return self.implementation.describe()

    def encode_image(self, source: ImageSource) -> Any:
        """Encode one image, once for all questions.

        Args:
            source: a path, or a PIL image in any mode.

        Raises:
            ImageError: if it cannot be read.
        """
        return self.encode_images([source])[0]

    def encode_images(self, sources: Sequence[ImageSource]) -> list[Any]:
        """Encode several images as a batch; equal to encoding them one by one."""
        return self.implementation.encode_images([open_image(source) for source in sources])

    def encode_labels(self, labels: LabelSource) -> EncodedLabels:
        """Encode names: a list, a comma-separated string, a ``.txt`` or ``.json`` file, a benchmark's name, or a label set.

        Raises:
            InputError: for no labels, an empty one, or one that occurs twice.
        """
        if isinstance(labels, EncodedLabels):
            return labels
        return self.implementation.encode_labels(
            labels if isinstance(labels, LabelSet) else load_label_set(labels)
        )

    def tag(self, image: Any, labels: LabelSource) -> Tagging:
        """Scores of all labels and the chosen ones."""
        return self._can(Tagger, "tag").tag(_encoded(image), self.encode_labels(labels))

    def segment(
        self,
        image: Any,
        labels: LabelSource,
        *,
        photo: ImageSource | None = None,
        regions: Any = None,
        region_options: RegionOptions = RegionOptions(),  # noqa: B008  frozen
        instances: bool = False,
        min_area: int = MIN_AREA,
    ) -> Segmentation:
        """A label for every pixel.

        Args:
            image: from ``encode_image``.
            labels: anything ``encode_labels`` takes; encode them yourself when you ask many images.
            photo: the same image, needed by methods that refine by its colours, and by a mask generator.
            regions: masks of others that each take one label by vote, and are the instances of the answer: bool masks
                ``[regions, height, width]``, whole ids ``[height, width]`` (0 is none), a file (id PNG or COCO JSON), or a
                mask generator of ``load_mask_generator``.
            region_options: of the vote.
            instances: without regions, tell connected parts of a label apart as ``Segmentation.instances``.
            min_area: of those, in pixels.

        Raises:
            InputError: if the method cannot segment, or a generator is given without the photo.
            DataError: if the regions cannot be used.
        """
        opened = None if photo is None else open_image(photo)
        found: Segmentation = self._can(Segmenter, "segment").segment(
            _encoded(image), self.encode_labels(labels), photo=opened
        )
        if regions is not None:
            size = (found.labels.shape[0], found.labels.shape[1])
            return vote_regions(found, given_regions(regions, opened, size), region_options)
        return part_instances(found, min_area=min_area) if instances else found

    def refer(self, image: Any, phrase: str) -> Referring:
        """Mask, box, score and heat map of what a phrase refers to.

        Raises:
            InputError: if the phrase is empty.
        """
        if not phrase.strip():
            raise InputError("expected a phrase such as 'the brown dog', got an empty one")
        return self._can(Referrer, "refer").refer(_encoded(image), phrase)

    def heat_maps(self, image: Any, labels: LabelSource) -> Float[Tensor, "labels height width"]:
        """Probability of each label at each pixel of the original image, for methods with a dense map.

        Raises:
            InputError: for another method, naming those that have one.
        """
        if not isinstance(self.implementation, HeatMapper):
            raise InputError(
                f"method {self.method!r} has no heat maps; these have: {', '.join(methods(can='refer'))}, trusty"
            )
        return self.implementation.heat_maps(_encoded(image), self.encode_labels(labels))

    def caption(self, image: Any, *, tags: Sequence[str] | None = None, both: bool = False) -> Caption:
        """A sentence about the image.

        Args:
            image: from ``encode_image``.
            tags: that guide it; recognised ones where None.
            both: given tags first, then recognised ones.

        Raises:
            InputError: if the method writes none, or for ``both`` without tags.
        """
        captioner, image = self._can(Captioner, "caption"), _encoded(image)
        if not both:
            return captioner.caption(image, tags=tags)
        if tags is None:
            raise InputError("both adds recognised tags to given ones; give tags too")
        if not isinstance(captioner, BatchCaptioner):
            raise InputError(f"method {self.method!r} recognises no tags of its own; leave out both")
        return captioner.captions([image], [tags], both=True)[0]

    def answer(self, image: Any, question: str, *, use_tags: bool = True) -> str:
        """A free-form answer to a question about the image.

        Args:
            image: from ``encode_image``.
            question: in words.
            use_tags: join the recognised tags to the question.

        Raises:
            InputError: if the method answers none, an empty question, or ``use_tags=False`` where it joins none.
        """
        answerer, image = self._can(Answerer, "ask"), _encoded(image)
        if use_tags:
            return answerer.answer(image, question)
        if not isinstance(answerer, BatchAnswerer):
            raise InputError(f"method {self.method!r} joins no tags to a question; leave out use_tags")
        return answerer.answers([image], [question], use_tags=False)[0]

    def search(
        self,
        index: "str | Path | SearchIndex",
        query: ImageSource,
        *,
        count: int = 10,
        tag_weight: float | None = None,
        rerank: int = 0,
    ) -> Ranking:
        """The photos of an index that fit a sentence, keywords or another photo, best first.

        Args:
            index: folder that ``tagalign search index`` wrote with this model, or the same opened once for many questions
                (``SearchIndex.open``).
            query: a text; a path of a photo, or a PIL image.
            count: hits to return, at least 1.
            tag_weight: of matching tags beside the similarity of the embeddings; None is the default of the command line.
            rerank: so many of the best photos are looked at again together with the text, by a model with a matching head.

        Raises:
            DataError: if there is no index, or it is damaged.
            ModelError: if the index was made with another model or method.
            InputError: if the method cannot search, for an empty query, or a number out of range.
        """
        from tagalign.tasks.search.engine import (
            SearchEngine,  # late: reads Parquet, which few who open a model do
        )
        from tagalign.tasks.search.index import SearchIndex

        opened = index if isinstance(index, SearchIndex) else SearchIndex.open(Path(index))
        engine = SearchEngine.with_method(opened, self.name, self._searcher())
        return engine.ask(query, count=count, tag_weight=tag_weight, rerank=rerank)

    def _searcher(self) -> Method[Any]:
        if isinstance(self.implementation, ByVerb):
            return self.implementation.methods["search"]
        if self.method not in methods(can="search"):
            raise refuse_verb(f"method {self.method!r}", "search")
        return self.implementation

    def _can(self, protocol: type, verb: str) -> Any:
        if not isinstance(self.implementation, protocol):
            raise refuse_verb(f"method {self.method!r}", verb)
        return self.implementation


def _encoded(image: Any) -> Any:
    """What a question is about; a photo is refused, for encoding it here would do so again for every question."""
    if isinstance(image, (str, bytes, Path, Image.Image)):
        raise InputError(
            f"expected an image that encode_image gave, got {type(image).__name__}; "
            "encode the photo once, image = model.encode_image(photo), and ask about that"
        )
    return image


def load(
    name: str,
    *,
    method: str | None = None,
    device: torch.device | str = "auto",
    batch_size: int = 8,
    precision: str = "fp32",
    compile: bool = False,
    text_cache: Path | None = None,
    **options: Any,
) -> Model:
    """Open a model; see ``methods.load.load_method`` for the arguments.

    >>> load("tiny", method="clip").method
    'clip'
    """
    name = resolve_auto(name)
    method_ = load_method(
        name,
        method=method,
        device=device,
        batch_size=batch_size,
        precision=precision,
        compile=compile,
        text_cache=text_cache,
        **options,
    )
    return Model(method_, name=name)
