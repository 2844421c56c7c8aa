"""``tagalign refer``: the region a phrase means."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from PIL import Image

    from tagalign.types import Referring


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReferSettings(ModelFlags):
    """Find the region that a phrase means, in one photo or in many.

    Writes NAME.png (0 or 1 per pixel) and NAME.overlay.png (region, box, phrase) per photo.
    Example: tagalign refer park.jpg --phrase "the brown dog" --model openai/clip-vit-base-patch16
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, folders, glob patterns, or - for paths on standard input."""
    phrase: str
    """What to find, e.g. "the brown dog"."""
    out: Path = Path("regions")
    """Folder for the results."""
    workers: int = 2
    """Threads that decode photos."""
    json: bool = False
    """Print one JSON object per photo on standard output: box XYXY in pixels, score, share of the photo."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.phrase.strip():
            raise InputError("--phrase is empty; give it words such as 'the brown dog'")


def run(settings: ReferSettings) -> int:
    """Refer in all photos; one that fails is listed in ``errors.jsonl``."""
    paths = expand_images(settings.images)
    warn_tiny(settings.model)
    import tagalign
    from tagalign.tasks.stream import encode_photos, output_names

    model = tagalign.load(settings.model, **settings.options())
    names, done = output_names(paths), 0
    with ErrorLog(settings.out) as errors:
        photos = encode_photos(
            model, paths, batch_size=settings.batch_size, on_error=errors.add, workers=settings.workers
        )
        for photo in progress(photos, "referring", total=len(paths)):
            found = model.refer(photo.encoded, settings.phrase)
            _write(settings.out, names[photo.path], photo.image, found)
            share = float(found.mask.float().mean())
            row = {
                "path": str(photo.path),
                "phrase": found.phrase,
                "box": found.box,
                "score": round(found.score, 6),
            }
            if settings.json:
                print_json(row | {"share": round(share, 6)})
            done += 1
        if done:
            write_settings(settings.out, settings, model=model.method.describe())
        return close_run(done=done, errors=errors, what="regions", where=settings.out)


def _write(out: Path, name: str, image: "Image.Image", found: "Referring") -> None:
    from tagalign.atomic import atomic_write
    from tagalign.export.masks import save_mask
    from tagalign.export.overlay import referring_overlay

    save_mask(out / f"{name}.png", found.mask.long(), 2)
    with atomic_write(out / f"{name}.overlay.png") as temp:
        referring_overlay(image, found).save(temp, format="PNG")
