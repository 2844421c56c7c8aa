"""``tagalign search``: an index over photos, and questions to it."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tagalign.cli.common import ErrorLog, ModelFlags, expand_images, print_json, progress, warn_tiny
from tagalign.cli.label_flags import LabelFlags
from tagalign.errors import InputError, TagalignError
from tagalign.tasks.search.weights import TAG_WEIGHT

if TYPE_CHECKING:
    from tagalign.tasks.rankers import DenseRanker, RankedPhoto, Tag2TextRanker
    from tagalign.tasks.search.engine import SearchEngine
    from tagalign.types import LabelSet, Ranking


@dataclasses.dataclass(frozen=True, kw_only=True)
class Index(ModelFlags, LabelFlags):
    """Add photos to an index; what is there already is left alone, nothing is rebuilt.

    Example: tagalign search index photos/ --index my-index --model openai/clip-vit-base-patch16 --method clip
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, folders, glob patterns, or - for paths on standard input."""
    index: Path = Path("index")
    """Folder of the index."""
    workers: int = 2
    """Threads that decode photos."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """Find photos by a sentence, by keywords, or by another photo.

    Example: tagalign search query "a brown dog on the beach" --index my-index
    """

    query: Annotated[str, tyro.conf.Positional]
    """A sentence, keywords, or the path of a photo."""
    index: Path = Path("index")
    """Folder of the index."""
    count: int = 10
    """Results to show."""
    tag_weight: float = TAG_WEIGHT
    """Weight of matching tags beside the similarity of the embeddings; 0 leaves them out."""
    rerank: int = 0
    """Look again at so many of the best photos with the matching head (Tag2Text only; the photos must be there)."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    json: bool = False
    """Print one JSON object per result."""

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise InputError("expected a sentence, keywords or a photo to search with, got nothing")
        if self.count < 1 or self.rerank < 0 or self.tag_weight < 0:
            raise InputError(
                f"expected --count of at least 1, --rerank and --tag-weight of at least 0, "
                f"got {self.count}, {self.rerank} and {self.tag_weight}"
            )


def run(settings: Index | Query) -> int:
    """Build or ask."""
    return _index(settings) if isinstance(settings, Index) else _query(settings)


def _index(settings: Index) -> int:
    paths = expand_images(settings.images)
    warn_tiny(settings.model)
    from tagalign.methods.load import load_method
    from tagalign.tasks.index_files import add_photos, stored_keys
    from tagalign.tasks.rankers import identity, ranker_for

    options = {name: value for name, value in settings.options().items() if name != "method"}
    method = load_method(settings.model, method=settings.method or _default_method(settings.model), **options)
    ranker = ranker_for(method, _labels(settings))
    known = set(stored_keys(settings.index))
    new = [path for path in paths if str(path) not in known]
    with ErrorLog(settings.index) as errors:
        rows = _rows(ranker, new, settings.batch_size, errors.add)
        shown = progress(rows, "indexing", total=len(new))
        added = add_photos(
            settings.index,
            shown,
            model=identity(settings.model, method),
            tag_names=ranker.tag_names.names,
            known=known,
        )
    failed = f", {errors.count} failed (see {errors.path})" if errors.count else ""
    print(f"{added} photos added to {settings.index}, {len(known)} in all{failed}", file=sys.stderr)
    return 2 if errors.count and not known else 0


def _default_method(model: str) -> str | None:
    from tagalign.methods.load import trained_type

    return None if trained_type(model) else "clip"


def _labels(settings: Index) -> "LabelSet | None":
    return None if settings.labels is None and settings.labels_file is None else settings.label_set()


def _rows(
    ranker: "Tag2TextRanker | DenseRanker",
    paths: list[Path],
    batch_size: int,
    report: Callable[[Path, TagalignError], None],
) -> "Iterator[tuple[str, RankedPhoto]]":
    from tagalign.backbones.preprocess import open_image

    for start in range(0, len(paths), batch_size):
        opened = []
        for path in paths[start : start + batch_size]:
            try:
                opened.append((str(path), open_image(path)))
            except TagalignError as error:
                report(path, error)
        if opened:
            ranked = ranker.embed_photos([photo for _, photo in opened])
            yield from zip([key for key, _ in opened], ranked, strict=True)


def _query(settings: Query) -> int:
    from tagalign.tasks.search.engine import SearchEngine

    for hit in _answer(settings, SearchEngine.open(settings.index, device=settings.device)).hits:
        if settings.json:
            print_json({"path": hit.key, "score": round(hit.score, 6), "tags": list(hit.tags)})
        else:
            reason = f"  [{', '.join(hit.tags)}]" if hit.tags else ""
            print(f"{hit.score:.3f}  {hit.key}{reason}")
    return 0


def _answer(settings: Query, engine: "SearchEngine") -> "Ranking":
    count, weight = settings.count, settings.tag_weight
    if not _is_file(settings.query):
        return engine.by_text(settings.query, count=count, tag_weight=weight, rerank=settings.rerank)
    if settings.rerank:
        raise InputError("--rerank looks at photos together with a sentence; leave it out with a photo")
    from tagalign.backbones.preprocess import open_image

    photo = open_image(settings.query)
    return engine.by_photo(photo, name=settings.query, count=count, tag_weight=weight)


def _is_file(query: str) -> bool:
    try:
        return Path(query).is_file()
    except OSError:  # a sentence longer than a file name may be
        return False
