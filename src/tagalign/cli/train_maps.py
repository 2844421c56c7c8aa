"""Heat maps of a few photos while a projector is trained: what the numbers look like."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagalign.cli.segment import safe_name

if TYPE_CHECKING:
    from tagalign.methods.dense import DenseMethod


def draw_maps(
    method: "DenseMethod", photos: Sequence[Path], labels: Sequence[str], out: Path, *, step: int
) -> list[Path]:
    """Write ``STEP.PHOTO.LABEL.png`` for each photo and label.

    Raises:
        ImageError: if a photo cannot be read.
    """
    from tagalign.atomic import atomic_write
    from tagalign.backbones.preprocess import open_image
    from tagalign.export.overlay import heat_overlay
    from tagalign.tags.label_sets import load_label_set

    encoded = method.encode_labels(load_label_set(list(labels)))
    written = []
    for path in photos:
        photo = open_image(path)
        maps = method.heat_maps(method.encode_images([photo])[0], encoded)
        for label, heat in zip(labels, maps, strict=True):
            target = out / f"{step:08d}.{path.stem}.{safe_name(label)}.png"
            with atomic_write(target) as temp:
                heat_overlay(photo, heat, f"{label}, step {step}").save(temp, format="PNG")
            written.append(target)
    return written
