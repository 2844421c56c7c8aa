"""Photos through a model, a batch at a time: what cannot be opened or encoded is reported and the rest goes on."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tagalign.backbones.preprocess import open_image
from tagalign.errors import TagalignError
from tagalign.tasks.model import Model

Report = Callable[[Path, TagalignError], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Photo:
    """An opened photo and its encoding."""

    path: Path
    image: Image.Image
    encoded: Any


def encode_photos(
    model: Model, paths: Sequence[Path], *, batch_size: int, on_error: Report, workers: int = 2
) -> Iterator[Photo]:
    """Open and encode photos in the order of the paths.

    Files are decoded in threads one batch ahead of the model. A photo that cannot be read, or a batch of which one photo
    cannot be encoded, is tried photo by photo; each failure goes to ``on_error``.

    Args:
        model: what encodes.
        paths: image files.
        batch_size: photos encoded at a time; bounds the memory.
        on_error: called with the path and the error.
        workers: threads that decode.
    """
    chunks = [paths[i : i + batch_size] for i in range(0, len(paths), batch_size)]
    with ThreadPoolExecutor(max(1, workers)) as pool:
        ahead = [pool.submit(_open, path) for path in chunks[0]] if chunks else []
        for i, _ in enumerate(chunks):
            opened = [future.result() for future in ahead]
            ahead = [pool.submit(_open, path) for path in chunks[i + 1]] if i + 1 < len(chunks) else []
            good = [(path, image) for path, image, error in opened if image is not None]
            for path, _, error in opened:
                if error is not None:
                    on_error(path, error)
            yield from _encode(model, good, on_error)


def _open(path: Path) -> tuple[Path, Image.Image | None, TagalignError | None]:
    try:
        return path, open_image(path), None
    except TagalignError as error:
        return path, None, error


def _encode(model: Model, photos: Sequence[tuple[Path, Image.Image]], on_error: Report) -> Iterator[Photo]:
    try:
        encoded = model.encode_images([image for _, image in photos])
    except TagalignError as error:
        if len(photos) == 1:
            on_error(photos[0][0], error)
        else:
            for photo in photos:
                yield from _encode(model, [photo], on_error)
        return
    for (path, image), value in zip(photos, encoded, strict=True):
        yield Photo(path=path, image=image, encoded=value)


def output_names(paths: Sequence[Path]) -> dict[Path, str]:
    """A file name for each path: its stem, or more of the path where two would collide; no separators, no leading dot."""
    stems: dict[str, list[Path]] = {}
    for path in paths:
        stems.setdefault(path.stem, []).append(path)
    names: dict[Path, str] = {}
    for stem, same in stems.items():
        for path in same:
            names[path] = (
                stem if len(same) == 1 else "__".join(p for p in path.parts if p not in {"/", "..", "."})
            )
    return {path: name.lstrip(".") or "image" for path, name in names.items()}
