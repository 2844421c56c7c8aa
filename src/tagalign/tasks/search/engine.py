"""One engine for every question to an index: by words, by a photo, with a second look at the best.

``Model.search``, ``tagalign search`` and the server ask it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.image_formats import image_suffixes
from tagalign.backbones.preprocess import open_image
from tagalign.errors import InputError, ModelError
from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.protocols import Method
from tagalign.tasks.photos.tars import source_of
from tagalign.tasks.search.head import IndexHead
from tagalign.tasks.search.index import SearchIndex
from tagalign.tasks.search.rankers import (
    DenseRanker,
    Matcher,
    Tag2TextRanker,
    identity,
    ranker_for,
    refuse_rerank,
    refuse_weight,
)
from tagalign.tasks.search.scores import with_match
from tagalign.tasks.search.weights import TAG_WEIGHT
from tagalign.types import Ranking


@dataclass(frozen=True, eq=False)
class SearchEngine:
    """An index, and the model that it was made with.

    Attributes:
        index: opened.
        ranker: embeds queries as the photos were embedded.
    """

    index: SearchIndex
    ranker: DenseRanker | Tag2TextRanker

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", approximate: bool = False) -> "SearchEngine":
        """Read an index and load its model.

        Args:
            folder: that ``tagalign search index`` wrote.
            device: ``auto``, ``cpu`` or ``cuda``.
            approximate: compare only what the approximate index finds; see ``tasks.search.approximate``.

        Raises:
            DataError: if there is no index, it is damaged, or the approximate one is missing or stale.
            MissingExtraError: for an approximate one, without faiss.
            ModelError: if the model has other weights than the index was made with.
        """
        index = SearchIndex.open(folder, approximate=approximate)
        return cls(index, _ranker_of(index.head, device))

    @classmethod
    def with_method(cls, index: SearchIndex, name: str, method: Method[Any]) -> "SearchEngine":
        """An index with a model that is open already.

        Args:
            index: opened.
            name: the model was opened by.
            method: of the model.

        Raises:
            InputError: if the method has no embeddings to search with.
            ModelError: if the index was made with another model, or with another method of it.
        """
        made, found = dict(index.head.model), identity(name, method)
        if made != found:
            raise ModelError(
                f"the index was made with {_words(made)}, not with {_words(found)}; open that model to ask it"
            )
        return cls(index, ranker_for(method, _labels(index.head)))

    def ask(
        self,
        query: str | Path | Image.Image,
        *,
        count: int = 10,
        tag_weight: float | None = None,
        rerank: int = 0,
    ) -> Ranking:
        """What fits words, where ``query`` is a text, or a photo, where it is one or the path of one.

        Args:
            query: a sentence, keywords, a path, or an image.
            count: hits to return, at least 1.
            tag_weight: see ``by_text``.
            rerank: see ``by_text``.

        Raises:
            InputError: for an empty query, ``rerank`` with a photo, or a number out of range.
            ImageError: if a photo cannot be read.
        """
        if isinstance(query, str) and not query.strip():
            raise InputError("expected a sentence, keywords or a photo to search with, got nothing")
        if isinstance(query, str) and not _is_file(query):
            return self.by_text(query, count=count, tag_weight=tag_weight, rerank=rerank)
        if rerank:
            raise InputError("rerank looks at photos together with a sentence; leave it out with a photo")
        name = "" if isinstance(query, Image.Image) else str(query)
        return self.by_photo(open_image(query), name=name, count=count, tag_weight=tag_weight)

    def by_text(
        self, query: str, *, count: int = 10, tag_weight: float | None = None, rerank: int = 0
    ) -> Ranking:
        """The photos that fit a sentence or keywords.

        Args:
            query: tags that it names count beside the similarity of the embeddings.
            count: hits to return, at least 1.
            tag_weight: of these tags, at least 0; None is the default, ``weights.TAG_WEIGHT``.
            rerank: so many of the best photos are opened and looked at again together with the query; their score
                grows by the probability that both belong together. They come first.

        Raises:
            InputError: if ``rerank`` is asked of a model without matching head, a weight of tags of an index without any,
                or a number is out of range.
            ImageError: if a photo to look at again is gone.
        """
        if rerank:
            refuse_rerank(self.ranker)
        weight = self._weight(tag_weight)
        embed = self.ranker.embed_texts([query])[0]
        tags = self.ranker.tag_names.mentioned(query)
        found = self.index.search(query, embed, tags, count=max(count, rerank), tag_weight=weight)
        if rerank:
            found = self._looked_at_again(found, rerank)
        return replace(found, hits=found.hits[:count])

    def by_photo(
        self, photo: Image.Image, *, name: str = "", count: int = 10, tag_weight: float | None = None
    ) -> Ranking:
        """The photos that are like a photo: near embeddings, and the tags that both show.

        Args:
            photo: upright RGB.
            name: the query as the answer repeats it.
            count: hits to return, at least 1.
            tag_weight: see ``by_text``.
        """
        weight = self._weight(tag_weight)
        own = self.ranker.embed_photos([photo])[0]
        return self.index.search(name, own.embed, sorted(own.tags), count=count, tag_weight=weight)

    def _weight(self, asked: float | None) -> float:
        """What tags weigh: a weight that was asked for acts, or is refused."""
        refuse_weight(self.ranker, asked)
        return TAG_WEIGHT if asked is None else asked

    def _looked_at_again(self, found: Ranking, rerank: int) -> Ranking:
        assert isinstance(self.ranker, Matcher)  # others were refused
        best, rest = found.hits[:rerank], found.hits[rerank:]
        probs = self.ranker.match([source_of(hit.key).open() for hit in best], found.query)
        # the best are sorted among themselves and stay before the rest: the others have no probability to compare with
        scores = with_match(_numbers([hit.score for hit in best]), _numbers(probs)).tolist()
        again = [replace(hit, score=score) for hit, score in zip(best, scores, strict=True)]
        return replace(found, hits=[*sorted(again, key=lambda hit: -hit.score), *rest])


def _numbers(values: Sequence[float]) -> Float[Tensor, " hits"]:
    return torch.tensor(values, dtype=torch.float64)


def _ranker_of(head: IndexHead, device: str) -> DenseRanker | Tag2TextRanker:
    """The model the index was made with; its tag names are the labels of a dense CLIP."""
    made = dict(head.model)
    options = {"profile": made["profile"]} if made.get("profile") else {}
    method = load_method(str(made["model"]), method=str(made["method"]), device=device, **options)
    found = identity(str(made["model"]), method)
    if found != made:
        raise ModelError(
            f"the index was made with weights {made.get('weight_hash')} of {made['model']}, found "
            f"{found['weight_hash']}; use the same model or index the photos again"
        )
    return ranker_for(method, _labels(head))


def _labels(head: IndexHead) -> LabelSet | None:
    """The tag names of an index as labels of a dense CLIP; Tag2Text has its own."""
    names = tuple(Label(name=name) for name in head.tag_names)
    return LabelSet(name="custom", labels=names) if names and head.model["method"] != "tag2text" else None


def _words(model: Mapping[str, object]) -> str:
    profile = f", profile {model['profile']}" if model.get("profile") else ""
    return f"{model.get('model')} ({model.get('method')}{profile}, weights {model.get('weight_hash')})"


def _is_file(query: str) -> bool:
    if Path(query).suffix.lower() in image_suffixes():  # no sentence ends so: a photo, there or missing
        return True
    try:
        return Path(query).is_file()
    except OSError:  # a sentence longer than a file name may be
        return False
