"""``tagalign caption``: a sentence for photos, guided by tags."""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.cli.common import (
    ErrorLog,
    ModelFlags,
    close_run,
    expand_images,
    print_json,
    progress,
    warn_tiny,
)
from tagalign.cli.run_record import write_settings
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.tasks.stream import Photo
    from tagalign.types import Caption


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionSettings(ModelFlags):
    """Describe photos in one sentence each, guided by recognised tags or by yours.

    Writes captions.jsonl: path, caption, and the tags that guided it with their scores.
    Example: tagalign caption photos/ --model my-tag2text --tags "dog, frisbee"
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, folders, glob patterns, or - for paths on standard input."""
    out: Path = Path("captions")
    """Folder for the results."""
    tags: str | None = None
    """Comma-separated tags that the sentence shall be about; by default what the model recognises."""
    both: bool = False
    """Add recognised tags to those of --tags."""
    threshold: str | None = None
    """Which tags count as recognised: `absolute:0.5`, `top:5`, ...; a lower one gives more detail."""
    beams: int = 3
    """Beam search with so many hypotheses; 1 is greedy."""
    top_p: float | None = None
    """Sample instead of searching, from the likeliest words that together reach this probability."""
    seed: int = 0
    """Of sampling."""
    workers: int = 2
    """Threads that decode photos."""
    json: bool = False
    """Print one JSON object per photo on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beams < 1:
            raise InputError(f"--beams must be at least 1, got {self.beams}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"--top-p must lie in (0, 1], got {self.top_p}")
        if self.tags is not None and not self.tags.replace(",", " ").strip():
            raise InputError(
                "--tags expects at least one tag, e.g. 'dog, frisbee'; leave it out for recognised tags"
            )
        if self.both and self.tags is None:
            raise InputError("--both adds recognised tags to those of --tags; give --tags too")


def run(settings: CaptionSettings) -> int:
    """Caption all photos; one that fails is listed in ``errors.jsonl``."""
    paths = expand_images(settings.images)
    warn_tiny(settings.model, "FOLDER with a trained Tag2Text")
    import tagalign
    from tagalign.atomic import atomic_write
    from tagalign.tasks.stream import encode_photos

    model = tagalign.load(settings.model, **generator_options(settings), num_beams=settings.beams)
    done = 0
    with ErrorLog(settings.out) as errors, atomic_write(settings.out / "captions.jsonl") as temp:
        photos = encode_photos(
            model, paths, batch_size=settings.batch_size, on_error=errors.add, workers=settings.workers
        )
        with temp.open("w", encoding="utf-8") as file:
            captioned = _captions(settings, model.method, photos)
            for photo, caption in progress(captioned, "captioning", total=len(paths)):
                row = _row(photo, caption)
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                print_json(row) if settings.json else print(f"{photo.path}: {caption.text}", flush=True)
                done += 1
    if done:
        write_settings(settings.out, settings, model=model.method.describe())
    return close_run(done=done, errors=errors, what="captions", where=settings.out)


def generator_options(settings: Any) -> dict[str, Any]:
    """Keyword arguments for ``tagalign.load`` of verbs that write text."""
    given = {name: getattr(settings, name, None) for name in ("threshold", "top_p")}
    options = {"method": "tag2text"} | settings.options() | {"seed": getattr(settings, "seed", 0)}
    return options | {name: value for name, value in given.items() if value is not None}


def _captions(
    settings: CaptionSettings, method: Any, photos: "Iterator[Photo]"
) -> "Iterator[tuple[Photo, Caption]]":
    from tagalign.tasks.captioning import BatchCaptioner, caption_images, split_tags

    if not isinstance(method, BatchCaptioner):
        raise InputError(
            f"method {method.method!r} writes no captions; use a Tag2Text model (--method tag2text)"
        )
    tags = None if settings.tags is None else split_tags(settings.tags)
    return caption_images(
        method,
        photos,
        tags=tags,
        both=settings.both,
        batch_size=settings.batch_size,
        value=lambda p: p.encoded,
    )


def _row(photo: "Photo", caption: "Caption") -> dict[str, Any]:
    scores = {tag: None if math.isnan(p) else round(p, 4) for tag, p in caption.tags.items()}
    return {"path": str(photo.path), "caption": caption.text, "tags": scores}
