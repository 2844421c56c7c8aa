"""All benchmarks by name: what they are, how many images they have, where they lie, how they are opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tagalign.data.benchmarks import captions, coco, folders, own, questions, referring, tag_sets, tiny, voc
from tagalign.data.benchmarks.drawn import drawn_copy_of
from tagalign.data.benchmarks.layouts import LAYOUTS
from tagalign.errors import DataError, InputError, UnknownNameError
from tagalign.registry import find_entry

BenchmarkKind = Literal["segmentation", "tagging", "referring", "captions", "questions", "boxes"]
BenchmarkOpener = Callable[[Any, str], Any]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark as people know it.

    Attributes:
        name: in ``--data``.
        kind: what is asked.
        title: in words.
        splits: official number of ``unit`` of each split; the first is the default.
        open: reads a folder and a split.
        layout: key into ``LAYOUTS``: the expected tree, the source, the licence and the size.
        unit: what the numbers count.
    """

    name: str
    kind: BenchmarkKind
    title: str
    splits: Mapping[str, int]
    open: BenchmarkOpener
    layout: str
    unit: str = "images"

    @property
    def default_split(self) -> str:
        """The split that papers report."""
        return next(iter(self.splits))


def open_benchmark(name: str, path: str | Path | None = None, split: str | None = None) -> Any:
    """Read a benchmark's lists and annotations; images and masks are opened when asked for.

    Args:
        name: one of ``BENCHMARKS``.
        path: its folder; none for the tiny world.
        split: one of its splits; by default the one that papers report.

    Returns:
        A set of its kind (``records``); ``expected`` is the official number, of a drawn copy what was drawn.

    Raises:
        UnknownNameError: for an unknown benchmark or split.
        InputError: if the folder is not given.
        DataError: if the folder is not there or lacks the lists.
    """
    benchmark = find_benchmark(name)
    split = split or benchmark.default_split
    if split not in benchmark.splits:
        raise UnknownNameError(f"split of {name}", split, benchmark.splits)
    if benchmark.layout == "tiny-world":
        return benchmark.open(None, split)
    if path is None:
        raise InputError(
            f"benchmark {name!r} needs its folder: --path FOLDER (tagalign data check {name} FOLDER)"
        )
    if not Path(path).is_dir():
        raise DataError(f"{path}: no such folder; tagalign data check {name} shows what {name} needs")
    copy = drawn_copy_of(Path(path))
    if copy is not None and not copy.complete:
        raise DataError(f"{path}: a drawn copy that was interrupted; give its tagalign data fake again")
    expected = benchmark.splits[split] if copy is None else copy.units
    return replace(benchmark.open(Path(path), split), expected=expected)


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of a name.

    Raises:
        UnknownNameError: listing the known ones.
    """
    return find_entry("benchmark", name, BENCHMARKS)


_VOC = {"val": 1449, "train": 1464, "trainval": 2913, "train_aug": 10_582}
_CONTEXT = {"val": 5104, "train": 4996}
_COCO = {"val2017": 5000, "train2017": 118_287}
_OWN = {own.SPLIT: 0}
_TINY = {"test": 0, "validation": 0, "train": 0}


def _tiny(
    name: str, kind: BenchmarkKind, title: str, opener: BenchmarkOpener, unit: str = "images"
) -> Benchmark:
    return Benchmark(
        name=name, kind=kind, title=title, splits=_TINY, open=opener, layout="tiny-world", unit=unit
    )


def _own(name: str, kind: BenchmarkKind, title: str, opener: BenchmarkOpener) -> Benchmark:
    return Benchmark(name=name, kind=kind, title=title, splits=_OWN, open=opener, layout="own")


def _imagenet_s(size: int, validation: int) -> Benchmark:
    return Benchmark(
        name=f"imagenet-s-{size}",
        kind="segmentation",
        title=f"ImageNet-S, {size} classes and background",
        splits={"validation": validation, "train-semi": 10 * size},
        open=partial(folders.open_imagenet_s, size=size),
        layout="imagenet-s",
    )


def _referring(name: str, folder: str, by: str, splits: Mapping[str, int]) -> Benchmark:
    return Benchmark(
        name=name,
        kind="referring",
        title=f"{folder} phrases, split by {by.upper()}",
        splits=splits,
        open=partial(referring.open_referring, folder=folder, by=by),
        layout="refcoco",
        unit="expressions",
    )


_ALL = (
    Benchmark(
        name="voc21", kind="segmentation", title="PASCAL VOC 2012, 20 objects and background",
        splits=_VOC, open=voc.open_voc21, layout="voc2012",
    ),
    Benchmark(
        name="voc20", kind="segmentation", title="PASCAL VOC 2012, 20 objects, background ignored",
        splits=_VOC, open=voc.open_voc20, layout="voc2012",
    ),
    Benchmark(
        name="context60", kind="segmentation", title="PASCAL Context, 59 classes and background",
        splits=_CONTEXT, open=folders.open_context60, layout="context",
    ),
    Benchmark(
        name="context59", kind="segmentation", title="PASCAL Context, 59 classes, background ignored",
        splits=_CONTEXT, open=folders.open_context59, layout="context",
    ),
    Benchmark(
        name="coco-object", kind="segmentation", title="COCO 2017, 80 objects and background",
        splits=_COCO, open=coco.open_coco_object, layout="coco-object",
    ),
    Benchmark(
        name="coco-stuff", kind="segmentation", title="COCO-Stuff 164k, 171 classes",
        splits=_COCO, open=coco.open_coco_stuff, layout="coco-stuff",
    ),
    Benchmark(
        name="coco-stuff-27", kind="segmentation", title="COCO-Stuff, 27 mid-level classes, 4,172 images",
        splits={"val2017": 4172}, open=coco.open_coco_stuff_27, layout="coco-stuff-27",
    ),
    Benchmark(
        name="cityscapes", kind="segmentation", title="Cityscapes, 19 classes",
        splits={"val": 500, "train": 2975}, open=folders.open_cityscapes, layout="cityscapes",
    ),
    Benchmark(
        name="ade20k", kind="segmentation", title="ADE20K scene parsing, 150 classes",
        splits={"validation": 2000, "training": 20_210}, open=folders.open_ade20k, layout="ade20k",
    ),
    Benchmark(
        name="ade20k-847", kind="segmentation", title="ADE20K of 2021, 847 classes",
        splits={"validation": 2000, "training": 25_574}, open=folders.open_ade20k_847, layout="ade20k-847",
    ),
    _imagenet_s(50, 752),
    _imagenet_s(300, 4097),
    _imagenet_s(919, 12_419),
    _tiny(
        "tiny-world", "segmentation", "drawn scenes, all objects and backgrounds",
        partial(tiny.open_tiny_segmentation, class_set="all"),
    ),
    _tiny(
        "tiny-world-objects", "segmentation", "drawn scenes, objects with the background rule",
        partial(tiny.open_tiny_segmentation, class_set="objects"),
    ),
    _tiny(
        "tiny-world-small", "segmentation", "drawn scenes, the ten most frequent objects and background",
        partial(tiny.open_tiny_segmentation, class_set="small"),
    ),
    _tiny(
        "tiny-world-v2", "segmentation", "drawn scenes of world 2, all objects and backgrounds",
        partial(tiny.open_tiny_segmentation, class_set="all", version=2),
    ),
    _tiny(
        "tiny-world-v2-objects", "segmentation", "drawn scenes of world 2, objects with the background rule",
        partial(tiny.open_tiny_segmentation, class_set="objects", version=2),
    ),
    _tiny(
        "tiny-world-v2-concepts", "segmentation", "drawn scenes of world 2, 1,120 concepts with the background rule",
        partial(tiny.open_tiny_segmentation, class_set="concepts", version=2),
    ),
    _own("own", "segmentation", "your masks, and background", partial(own.open_own, has_background=True)),
    _own("own-labels", "segmentation", "your masks, other pixels ignored", partial(own.open_own, has_background=False)),
    Benchmark(
        name="voc2007-tags", kind="tagging", title="PASCAL VOC 2007, 20 labels",
        splits={"test": 4952, "trainval": 5011, "train": 2501, "val": 2510},
        open=voc.open_voc2007_tags, layout="voc2007",
    ),
    Benchmark(
        name="voc2007-tags-all", kind="tagging", title="PASCAL VOC 2007, 20 labels, difficult objects count",
        splits={"test": 4952, "trainval": 5011, "train": 2501, "val": 2510},
        open=partial(voc.open_voc2007_tags, difficult="positive", name="voc2007-tags-all"), layout="voc2007",
    ),
    Benchmark(
        name="voc2012-tags", kind="tagging", title="PASCAL VOC 2012 segmentation images, 20 labels",
        splits={"val": 1449, "train": 1464, "train_aug": 10_582}, open=voc.open_voc2012_tags, layout="voc2012",
    ),
    Benchmark(
        name="coco2014-tags", kind="tagging", title="COCO 2014, 80 labels",
        splits={"val2014": 40_137, "train2014": 82_081},
        open=partial(coco.open_coco_tags, name="coco2014-tags"), layout="coco2014",
    ),
    Benchmark(
        name="coco2017-tags", kind="tagging", title="COCO 2017, 80 labels",
        splits={"val2017": 4952, "train2017": 117_266},
        open=partial(coco.open_coco_tags, name="coco2017-tags"), layout="coco2017",
    ),
    Benchmark(
        name="openimages-common", kind="tagging", title="OpenImages-common, 214 tags",
        splits={"test": 57_224}, open=tag_sets.open_openimages_common, layout="openimages-common",
    ),
    _own("own-tags", "tagging", "your photos, which labels", own.open_own_tags),
    _tiny("tiny-world-tags", "tagging", "drawn scenes, which objects", tiny.open_tiny_tags),
    _referring("refcoco", "refcoco", "unc", {"val": 10_834, "testA": 5657, "testB": 5095, "train": 120_624}),
    _referring("refcoco+", "refcoco+", "unc", {"val": 10_758, "testA": 5726, "testB": 4889, "train": 120_191}),
    _referring("refcocog", "refcocog", "umd", {"val": 4896, "test": 9602, "train": 80_512}),
    _referring("refcocog-google", "refcocog", "google", {"val": 9536, "train": 85_474}),
    _tiny("tiny-world-referring", "referring", "drawn scenes, phrases", tiny.open_tiny_referring, "expressions"),
    _tiny(
        "tiny-world-v2-referring", "referring", "drawn scenes of world 2, phrases",
        partial(tiny.open_tiny_referring, version=2), "expressions",
    ),
    Benchmark(
        name="coco-karpathy", kind="captions", title="COCO captions, Karpathy's split",
        splits={"test": 5000, "val": 5000, "train": 82_783, "restval": 30_504},
        open=partial(captions.open_karpathy, file="dataset_coco.json", name="coco-karpathy"), layout="coco-karpathy",
    ),
    Benchmark(
        name="coco-captions", kind="captions", title="COCO captions, COCO's own split",
        splits=_COCO, open=captions.open_coco_captions, layout="coco-captions",
    ),
    Benchmark(
        name="flickr30k", kind="captions", title="Flickr30k, Karpathy's split",
        splits={"test": 1000, "val": 1014, "train": 29_000},
        open=partial(captions.open_karpathy, file="dataset_flickr30k.json", name="flickr30k"), layout="flickr30k",
    ),
    Benchmark(
        name="nocaps", kind="captions", title="NoCaps validation, in, near and out of COCO's domain",
        splits={"val": 4500}, open=captions.open_nocaps, layout="nocaps",
    ),
    _tiny("tiny-world-captions", "captions", "drawn scenes, five sentences each", tiny.open_tiny_captions),
    Benchmark(
        name="vqa-v2", kind="questions", title="VQA v2", unit="questions",
        splits={"val2014": 214_354, "train2014": 443_757, "test2015": 447_793},
        open=questions.open_vqa_v2, layout="vqa-v2",
    ),
    _tiny("tiny-world-questions", "questions", "drawn scenes, questions", tiny.open_tiny_questions, "questions"),
    Benchmark(
        name="coco-boxes", kind="boxes", title="COCO 2017 detection, 80 labels",
        splits=_COCO, open=coco.open_coco_boxes, layout="coco2017",
    ),
    _own("own-boxes", "boxes", "your photos, a box around each region", own.open_own_boxes),
)  # fmt: skip

BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}
"""All benchmarks by name."""

NOT_TO_BE_HAD = {
    "TagEval": "the tag test set of the Tag2Text paper; never released (Tables 1 and 10 of the paper)"
}
"""Benchmarks of the papers that nobody outside can evaluate on."""

if missing := {b.layout for b in _ALL} - LAYOUTS.keys():
    raise AssertionError(f"no layout for {missing}")
