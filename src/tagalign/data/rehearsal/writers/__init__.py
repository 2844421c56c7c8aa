"""Who writes which layout, and how many pictures a split has where the benchmark counts something else."""

from collections.abc import Callable

from tagalign.data.benchmarks.catalog import Benchmark
from tagalign.data.rehearsal.request import CopyRequest, WatchCount
from tagalign.data.rehearsal.writers import coco, folders, questions, referring, sentences, tags, voc

WRITERS: dict[str, Callable[[CopyRequest, WatchCount], None]] = {
    "voc2012": voc.write_voc2012,
    "voc2007": voc.write_voc2007,
    "context": voc.write_context,
    "coco-object": coco.write_stuff_maps,
    "coco-stuff": coco.write_stuff_maps,
    "coco-stuff-27": coco.write_stuff_27,
    "coco2014": coco.write_instances,
    "coco2017": coco.write_instances,
    "cityscapes": folders.write_cityscapes,
    "ade20k": folders.write_ade20k,
    "ade20k-847": folders.write_ade20k_847,
    "imagenet-s": folders.write_imagenet_s,
    "openimages-common": tags.write_openimages,
    "refcoco": referring.write_references,
    "coco-karpathy": sentences.write_karpathy,
    "flickr30k": sentences.write_karpathy,
    "coco-captions": sentences.write_coco_captions,
    "nocaps": sentences.write_nocaps,
    "vqa-v2": questions.write_vqa,
}
"""Layout (a key of ``LAYOUTS``) to what writes it."""

IMAGES = {
    ("refcoco", "val"): 1500, ("refcoco", "testA"): 750, ("refcoco", "testB"): 750, ("refcoco", "train"): 16_994,
    ("refcoco+", "val"): 1500, ("refcoco+", "testA"): 750, ("refcoco+", "testB"): 750, ("refcoco+", "train"): 16_992,
    ("refcocog", "val"): 1300, ("refcocog", "test"): 2600, ("refcocog", "train"): 21_899,
    ("refcocog-google", "val"): 4650, ("refcocog-google", "train"): 24_698,
    ("vqa-v2", "val2014"): 40_504, ("vqa-v2", "train2014"): 82_783, ("vqa-v2", "test2015"): 81_434,
}  # fmt: skip
"""Pictures of the splits that count expressions or questions, as their publishers state them."""


def images_of_split(benchmark: Benchmark, split: str) -> int:
    """Official number of pictures of a split."""
    return IMAGES.get((benchmark.name, split), benchmark.splits[split])
