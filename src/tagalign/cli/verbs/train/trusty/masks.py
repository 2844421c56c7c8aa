"""What ``tagalign train --method trusty`` learns from: images with masks, and which classes hide theirs."""

from typing import TYPE_CHECKING

from tagalign.cli.verbs.train.trusty.presets import PRESETS
from tagalign.cli.verbs.train.trusty.settings import TrainTrustySettings
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.data.benchmarks.records import SegmentationSet
    from tagalign.data.trusty.sources import ClassSplit
    from tagalign.train.trusty.trainee import MaskData


def open_masks(settings: TrainTrustySettings) -> "SegmentationSet":
    """The data set by its name, or the user's own folders; the first images of it where ``--limit`` says so."""
    from tagalign.data.trusty.sources import FirstImages, own_masks

    data: SegmentationSet
    if settings.data is None:
        assert settings.photos is not None  # checked by the settings
        assert settings.masks is not None
        from tagalign.tags.label_sets import load_label_set

        labels = load_label_set(settings.labels_file or str(settings.labels))
        data = own_masks(settings.photos, settings.masks, labels)
    else:
        from tagalign.data.benchmarks import open_benchmark
        from tagalign.data.benchmarks.named_background import NamedBackground

        preset = PRESETS[settings.data]
        data = open_benchmark(preset.benchmark, settings.path, settings.split or preset.split)
        if preset.names_background:
            data = NamedBackground(data)
    return data if settings.limit is None else FirstImages(data, settings.limit)


def class_split(settings: TrainTrustySettings, data: "SegmentationSet") -> "ClassSplit":
    """The classes and which of them hide their masks.

    Raises:
        InputError: if a name of ``--unseen`` is no class.
    """
    from tagalign.data.trusty.sources import ClassSplit

    names = data.labels.names
    if settings.unseen is None:
        return ClassSplit(names=names, unseen=data.unseen)
    asked = [name.strip() for name in settings.unseen.split(",") if name.strip()]
    if wrong := [name for name in asked if name not in names]:
        raise InputError(f"--unseen {wrong[0]!r} is none of the classes: {', '.join(names)}")
    return ClassSplit(names=names, unseen=tuple(sorted(names.index(name) for name in asked)))


def mask_data(settings: TrainTrustySettings, data: "SegmentationSet") -> "MaskData":
    """What is trained on, and the last images of it that never are."""
    from tagalign.data.trusty.sources import BenchmarkSource, hold_out
    from tagalign.train.trusty.trainee import MaskData

    source, held_out = hold_out(BenchmarkSource(data), settings.held_out_count)
    split = class_split(settings, data)
    return MaskData(source=source, split=split, held_out=held_out, workers=settings.loaders)
