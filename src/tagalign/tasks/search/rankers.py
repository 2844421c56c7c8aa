"""Photos and texts as one model sees them for search: an embedding, and the tags that will be shown as the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.catalog import file_hash, model_folder, weight_file
from tagalign.backbones.pixels import resize, to_tensor
from tagalign.errors import InputError
from tagalign.labels import LabelSet, Size
from tagalign.methods.dense.canvas import Canvas, batches_of_one_size
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.protocols import Method
from tagalign.methods.request import trained_type
from tagalign.methods.tag2text.tag_names import TagNames
from tagalign.types import EncodedLabels, Tagging


@dataclass(frozen=True, kw_only=True, eq=False)
class RankedPhoto:
    """What an index keeps of a photo.

    Attributes:
        embed: unit length.
        tags: probability or score of each recognised tag, by its id in ``Ranker.tag_names``.
    """

    embed: Float[Tensor, " dim"]
    tags: Mapping[int, float] = field(default_factory=dict)


@runtime_checkable
class Ranker(Protocol):
    """A model that search can use.

    Attributes:
        tag_names: what the tag ids of photos and texts mean; may be empty.
    """

    tag_names: TagNames

    def embed_photos(self, photos: Sequence[Image.Image]) -> list[RankedPhoto]:
        """Embeddings and recognised tags of upright RGB images of any size."""
        ...

    @property
    def lays_ahead(self) -> bool:
        """Whether one input of a photo is enough, so that a thread can make it ahead of the encoder."""
        ...

    def lay(self, photo: Image.Image) -> Float[Tensor, "3 height width"]:
        """That input; images of one shape share a pass. Asked only where it is enough."""
        ...

    def embed_laid(
        self, pixels: Sequence[Float[Tensor, "3 height width"]], sizes: Sequence[Size]
    ) -> list[RankedPhoto]:
        """``embed_photos`` of what ``lay`` made of photos of these sizes, all of one shape, in one pass."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "texts dim"]:
        """Unit-length embeddings of sentences or keywords."""
        ...


@runtime_checkable
class Matcher(Protocol):
    """A ranker that can look at photo and text together."""

    def match(self, photos: Sequence[Image.Image], text: str) -> list[float]:
        """Probability that each photo and the text belong together."""
        ...


@runtime_checkable
class AlignedMethod(Method[Any], Protocol):
    """A method with an alignment encoder and tags of its own, as Tag2Text is.

    A Protocol, so that a search with a CLIP does not import what only Tag2Text needs.

    Attributes:
        tags: its list.
        model: the network; ``model.aligned()`` refuses one without an alignment encoder.
    """

    tags: TagNames
    model: Any

    def lay(self, image: Image.Image) -> Float[Tensor, "3 side side"]:
        """See ``Preparable``."""
        ...

    def encode_pixels(
        self, pixels: Sequence[Float[Tensor, "3 side side"]], sizes: Sequence[Size]
    ) -> list[Any]:
        """See ``Preparable``."""
        ...

    def embed_images(self, images: Sequence[Any]) -> Float[Tensor, "images dim"]:
        """Unit-length embeddings of encoded images."""
        ...

    def recognise(self, image: Any) -> Tagging:
        """Its own tags of an encoded image."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "texts dim"]:
        """Unit-length embeddings."""
        ...

    def match(self, images: Sequence[Any], texts: Sequence[str]) -> Float[Tensor, " pairs"]:
        """Probability that image and text belong together, pair by pair."""
        ...


class Tag2TextRanker:
    """Tag2Text's alignment encoder and its own tags."""

    def __init__(self, method: AlignedMethod) -> None:
        method.model.aligned()  # says at once how to get one where it is missing
        self.method = method
        self.tag_names = method.tags

    def embed_photos(self, photos: Sequence[Image.Image]) -> list[RankedPhoto]:
        """See ``Ranker``."""
        return self._ranked(self.method.encode_images(photos))

    @property
    def lays_ahead(self) -> bool:
        """See ``Ranker``."""
        return True

    def lay(self, photo: Image.Image) -> Float[Tensor, "3 height width"]:
        """See ``Ranker``."""
        return self.method.lay(photo)

    def embed_laid(
        self, pixels: Sequence[Float[Tensor, "3 height width"]], sizes: Sequence[Size]
    ) -> list[RankedPhoto]:
        """See ``Ranker``."""
        return self._ranked(self.method.encode_pixels(pixels, sizes))

    def _ranked(self, encoded: Sequence[Any]) -> list[RankedPhoto]:
        embeds = self.method.embed_images(encoded).float().cpu()
        found = [self.method.recognise(image) for image in encoded]
        return [
            RankedPhoto(embed=embed, tags={i: tagging.scores[i] for i in tagging.chosen})
            for embed, tagging in zip(embeds, found, strict=True)
        ]

    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "texts dim"]:
        """See ``Ranker``."""
        return self.method.embed_texts(texts).float().cpu()

    def match(self, photos: Sequence[Image.Image], text: str) -> list[float]:
        """Probability that each photo and the text belong together, after cross-attention."""
        encoded = self.method.encode_images(photos)
        return [float(p) for p in self.method.match(encoded, [text] * len(encoded))]

    def match_texts(self, image: Any, texts: Sequence[str]) -> list[float]:
        """Probability that one encoded image and each text belong together."""
        return [float(p) for p in self.method.match([image] * len(texts), texts)]


class DenseRanker:
    """A dense encoder: its own image embedding, or for TagAlign the mean of the projected patches.

    Both are compared with CLIP's text embedding. TagAlign's mean is what its contrastive loss was trained on; the mean
    patch of plain CLIP is not, so ``EncodedImage.embed`` serves for TagAlign alone.
    """

    def __init__(self, method: DenseMethod, labels: EncodedLabels | None = None) -> None:
        self.method = method
        self.labels = labels
        self.tag_names = TagNames(labels.names if labels is not None else ())

    def embed_photos(self, photos: Sequence[Image.Image]) -> list[RankedPhoto]:
        """See ``Ranker``."""
        trained = self.method.projector is not None
        encoded = self.method.encode_images(photos) if trained or self.labels is not None else []
        embeds = [_aligned(image) for image in encoded] if trained else self._whole(photos)
        tags = [self._tags(image) for image in encoded] if self.labels is not None else [{}] * len(photos)
        return [
            RankedPhoto(embed=F.normalize(embed.float(), dim=-1).cpu(), tags=found)
            for embed, found in zip(embeds, tags, strict=True)
        ]

    @property
    def lays_ahead(self) -> bool:
        """See ``Ranker``; patches, which a projector and tags want, are laid another way than the whole photo."""
        return self.method.projector is None and self.labels is None

    def lay(self, photo: Image.Image) -> Float[Tensor, "3 height width"]:
        """See ``Ranker``."""
        rule = self.method.preprocessing
        if not rule.squash:
            return self.method.lay(photo).pixels
        side = rule.image_size  # as it was trained: the whole photo, its ratio lost
        return to_tensor(resize(photo, (side, side), rule.resample), rule)

    def embed_laid(
        self, pixels: Sequence[Float[Tensor, "3 height width"]], sizes: Sequence[Size]
    ) -> list[RankedPhoto]:
        """See ``Ranker``."""
        embeds = F.normalize(self._embeds(torch.stack(list(pixels))).float(), dim=-1).cpu()
        return [RankedPhoto(embed=embed) for embed in embeds]

    def _whole(self, photos: Sequence[Image.Image]) -> list[Float[Tensor, " dim"]]:
        embeds: dict[int, Tensor] = {}
        canvases = [_one_view(self.lay(photo)) for photo in photos]
        for places, batch in batches_of_one_size(canvases, self.method.resources.batch_size):
            embeds |= {i: embed for (i, _), embed in zip(places, self._embeds(batch), strict=True)}
        return [embeds[i] for i in range(len(photos))]

    @torch.no_grad()
    def _embeds(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        backbone = self.method.backbone
        return backbone.embed_images(pixels.to(backbone.device))

    def _tags(self, image: Any) -> dict[int, float]:
        assert self.labels is not None  # asked for only then
        tagging = self.method.tag(image, self.labels)
        return {i: tagging.scores[i] for i in tagging.chosen}

    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "texts dim"]:
        """See ``Ranker``."""
        return F.normalize(self.method.backbone.encode_text(texts).float(), dim=-1).cpu()


def _one_view(pixels: Float[Tensor, "3 height width"]) -> Canvas:
    height, width = pixels.shape[1:]
    return Canvas(pixels=pixels, size=(height, width), boxes=((0, 0, width, height),))


def _aligned(image: Any) -> Float[Tensor, " dim"]:
    return getattr(image, "aligned", image).embed  # profiles that mix two heads keep both


def identity(name: str, method: Method[Any]) -> dict[str, object]:
    """What an index must name, so that another model is never asked about it.

    Args:
        name: the model was opened by; a folder is named by its full path.
        method: what was opened.
    """
    facts = method.describe()
    path = Path(name)
    trained = trained_type(name) is not None
    return {
        "model": str(path.resolve()) if path.is_dir() else name,
        "method": method.method,
        "profile": facts.get("profile"),
        # a trained folder on top of a CLIP describes the CLIP's weights, not its own
        "weight_hash": file_hash(weight_file(model_folder(name))) if trained else facts["weight_hash"],
    }


def refuse_rerank(ranker: Ranker) -> None:
    """Refuse a second look where the model has no matching head.

    Raises:
        InputError: saying which models have one.
    """
    if not isinstance(ranker, Matcher):
        raise InputError(
            "rerank needs a model with a matching head: Tag2Text, or an index made with a Tag2Text model"
        )


def refuse_weight(ranker: Ranker, tag_weight: float | None) -> None:
    """Refuse a weight of tags where there are none: what is asked for acts.

    Raises:
        InputError: saying what has tags.
    """
    if tag_weight and not ranker.tag_names.names:
        raise InputError(
            f"tag_weight {tag_weight:g} does not act: there are no tags here; leave it out, index the photos with labels, "
            "or take a Tag2Text model, which has its own"
        )


def ranker_for(method: Method[Any], labels: LabelSet | None = None) -> Tag2TextRanker | DenseRanker:
    """The ranker of a method.

    Args:
        method: ``tag2text``, ``tagalign`` or a dense CLIP.
        labels: tags that a dense CLIP shall look for; Tag2Text has its own list.

    Raises:
        InputError: if the method has no embeddings to search with, or labels are given to one with its own.
        MissingPartError: for a Tag2Text without alignment encoder.
    """
    if isinstance(method, AlignedMethod):
        if labels is not None:
            raise InputError("Tag2Text searches with its own tags; leave --labels out")
        return Tag2TextRanker(method)
    if isinstance(method, DenseMethod):
        return DenseRanker(method, None if labels is None else method.encode_labels(labels))
    raise InputError(
        f"method {method.method!r} has no embeddings to search with; use clip, tagalign or tag2text"
    )
