"""What ``tagalign train`` looks at on the way: the mIoU of a benchmark, and heat maps of a few photos."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.backbones.protocols import BlockBackbone
    from tagalign.methods.dense.method import DenseMethod
    from tagalign.train.tagalign.result import TrainedProjector


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is looked at, as the flags of ``tagalign train`` name it.

    Attributes:
        benchmark: a segmentation benchmark, if any.
        path: its folder.
        split: of it.
        images: only so many of its first.
        photos: whose heat maps are drawn.
        labels: of the heat maps, with commas between them.
        out: folder of the heat maps; None where another process writes them.
    """

    benchmark: str | None
    path: Path | None
    split: str | None
    images: int
    photos: tuple[Path, ...]
    labels: str
    out: Path | None


def make_validation(
    watched: Watched, backbone: "BlockBackbone"
) -> "Callable[[TrainedProjector], Mapping[str, float]] | None":
    """What a run does at every validation; None where nothing is asked for.

    Raises:
        InputError: for a benchmark that cannot be opened or is no segmentation benchmark.
    """
    data = _benchmark(watched)
    labels = [label.strip() for label in watched.labels.split(",") if label.strip()]
    if data is None and not watched.photos:
        return None

    def validate(trained: "TrainedProjector") -> Mapping[str, float]:
        if watched.photos:
            method = trained.method(backbone)
            draw_maps(method, watched.photos, labels, watched.out, step=trained.steps)
        return {} if data is None else _miou(trained, backbone, data, images=watched.images)

    return validate


def _benchmark(watched: Watched) -> Any:
    if watched.benchmark is None:
        return None
    from tagalign.data.benchmarks.catalog import open_benchmark
    from tagalign.data.benchmarks.records import SegmentationSet

    data = open_benchmark(watched.benchmark, watched.path, watched.split)
    if not isinstance(data, SegmentationSet):
        raise InputError(
            f"--validate-on {watched.benchmark}: masks are needed, give a segmentation benchmark"
        )
    return data


def _miou(
    trained: "TrainedProjector", backbone: "BlockBackbone", data: Any, *, images: int
) -> Mapping[str, float]:
    from tagalign.evaluate.engine import Plan
    from tagalign.evaluate.evaluation import evaluate_segmentation
    from tagalign.methods.dense.options import TagAlignOptions

    method = trained.method(backbone, TagAlignOptions(background_rule=data.has_background))
    result = evaluate_segmentation(method, data, plan=Plan(limit=images), allow_missing=True, resamples=0)
    return {"miou": float(result.metrics["miou"])}


def draw_maps(
    method: "DenseMethod", photos: Sequence[Path], labels: Sequence[str], out: Path | None, *, step: int
) -> list[Path]:
    """Write ``STEP.PHOTO.LABEL.png`` for each photo and label into a folder; None computes them and writes nothing.

    Raises:
        ImageError: if a photo cannot be read.
    """
    from tagalign.atomic import atomic_write
    from tagalign.backbones.preprocess import open_image
    from tagalign.export.overlay import heat_overlay
    from tagalign.tags.label_sets import label_set_of
    from tagalign.tasks.photos.names import count_stems, label_names, named
    from tagalign.tasks.photos.source import PhotoSource

    sources = [PhotoSource(path=str(path)) for path in photos]
    names, parts = named(sources, count_stems(sources)), label_names(labels)
    encoded = method.encode_labels(label_set_of(labels))
    written = []
    for path, name in zip(photos, names, strict=True):
        photo = open_image(path)
        maps = method.heat_maps(method.encode_images([photo])[0], encoded)
        if out is None:
            continue
        for label, part, heat in zip(labels, parts, maps, strict=True):
            target = out / f"{step:08d}.{name}.{part}.png"
            with atomic_write(target) as temp:
                heat_overlay(photo, heat, f"{label}, step {step}").save(temp, format="PNG")
            written.append(target)
    return written
