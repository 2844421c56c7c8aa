"""Every segmentation loader on a fake copy of its official folder: ids, offsets, ignored pixels, wrong files.

Holds ``data/benchmarks/folders.py``, ``data/benchmarks/segmentation_sets.py`` and ``data/benchmarks/coco.py``.
"""

import numpy as np
import pytest
from PIL import Image

from tagalign.data.benchmarks import open_benchmark
from tagalign.data.benchmarks.catalog import BENCHMARKS
from tagalign.data.benchmarks.coco import coarse_of_171
from tagalign.errors import DataError, ImageError, InputError, UnknownNameError


def first_ids(data, index, count):
    return data.target(index).flatten()[:count].tolist()


def test_voc_with_and_without_background(voc2012):
    with_, without = (open_benchmark(name, voc2012) for name in ("voc21", "voc20"))
    assert first_ids(with_, 0, 5) == [0, 1, 20, 255, 0]
    assert first_ids(without, 0, 5) == [255, 0, 19, 255, 255]
    assert (len(with_.class_names), len(without.class_names)) == (21, 20)
    assert (with_.class_names[0], with_.has_background, without.has_background) == ("background", True, False)
    assert (len(with_), with_.expected, with_.key(1)) == (2, 1449, "2007_000042")
    assert with_.image(0).size == (8, 6)


def test_voc_augmented_set_is_the_official_list_and_the_extra_one(voc2012):
    data = open_benchmark("voc21", voc2012, "train_aug")
    assert [data.key(i) for i in range(len(data))] == ["2007_000042", "2008_000002"]
    assert first_ids(data, 1, 2) == [20, 0]


def test_voc_folder_may_be_given_itself(voc2012):
    assert len(open_benchmark("voc21", voc2012 / "VOCdevkit/VOC2012")) == 2


def test_context_shifts_only_without_background(context):
    assert first_ids(open_benchmark("context60", context), 0, 3) == [0, 1, 59]
    assert first_ids(open_benchmark("context59", context), 0, 3) == [255, 0, 58]


def test_coco_stuff_stored_ids_become_171_classes(cocostuff):
    data = open_benchmark("coco-stuff", cocostuff)
    # person, toothbrush, banner, wood, unlabelled
    assert first_ids(data, 0, 5) == [0, 79, 80, 170, 255]
    names = data.class_names
    assert [names[i] for i in first_ids(data, 1, 3)] == ["bear", "grass", "sky-other"]


def test_coco_stuff_converted_masks_are_preferred(cocostuff):
    for name in ("000000000139", "000000000285"):
        mask = np.full((6, 8), 170, np.uint8)
        Image.fromarray(mask).save(cocostuff / f"annotations/val2017/{name}_labelTrainIds.png")
    assert first_ids(open_benchmark("coco-stuff", cocostuff), 0, 2) == [170, 170]
    for name in ("000000000139", "000000000285"):
        (cocostuff / f"annotations/val2017/{name}_labelTrainIds.png").unlink()


def test_coco_object_from_stuff_maps_has_background_for_stuff(cocostuff):
    assert first_ids(open_benchmark("coco-object", cocostuff), 0, 6) == [1, 80, 0, 0, 255, 1]


def test_coco_object_from_instances_draws_small_on_large_and_ignores_crowds(coco_json):
    pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'export')")
    data = open_benchmark("coco-object", coco_json)
    target = data.target(0)
    assert [data.key(0), data.key(1)] == ["000000000139", "000000000285"]
    assert (target[1, 1], target[2, 2], target[0, 7], target[0, 0]) == (1, 80, 255, 0)
    assert not data.target(1).any()


def test_coco_stuff_27_takes_the_list_and_merges_labels(cocostuff):
    data = open_benchmark("coco-stuff-27", cocostuff)
    assert (len(data), data.expected, len(data.class_names)) == (1, 4172, 27)
    # bear is an animal, grass a plant, sky-other sky
    assert [data.class_names[i] for i in first_ids(data, 0, 3)] == ["animal", "plant", "sky"]
    assert data.merge == coarse_of_171()
    assert len(data.labels) == 171


def test_cityscapes_label_ids_become_train_ids(cityscapes):
    data = open_benchmark("cityscapes", cityscapes)
    assert first_ids(data, 0, 4) == [0, 18, 255, 255]
    assert data.key(0) == "lindau/lindau_000000_000019"


def test_ade20k_drops_zero(ade20k):
    assert first_ids(open_benchmark("ade20k", ade20k), 0, 3) == [255, 0, 149]


def test_ade20k_847_keeps_255_a_class_and_ignores_65535(ade20k_847):
    data = open_benchmark("ade20k-847", ade20k_847)
    assert first_ids(data, 0, 4) == [0, 255, 846, 65535]
    assert first_ids(data, 1, 2) == [256, 1]
    assert (data.ignore, len(data.class_names), data.class_names[0]) == (65535, 847, "wall")
    wrong = np.full((6, 8), 847, np.uint16)
    path = ade20k_847 / "ADE20K_2021_17_01/annotations_detectron2/validation/ADE_val_00000001.tif"
    Image.fromarray(wrong).save(path)
    with pytest.raises(DataError, match=r"holds id 847, .* 0 to 846 and 65535"):
        data.target(0)


def test_no_class_of_a_drawn_set_has_the_ignored_id():
    """1,120 concepts and background: 255 is one of them."""
    for name, benchmark in BENCHMARKS.items():
        if benchmark.kind == "segmentation" and benchmark.layout == "tiny-world":
            data = open_benchmark(name)
            assert data.ignore >= len(data.class_names), name


def test_imagenet_s_reads_two_bytes_and_keeps_255_a_class(imagenet_s):
    data = open_benchmark("imagenet-s-919", imagenet_s)
    assert first_ids(data, 0, 3) == [0, 1, 255]
    assert first_ids(data, 1, 3) == [919, 1000, 300]
    assert (data.ignore, len(data.class_names)) == (1000, 920)


def test_imagenet_s_shrinks_large_images_and_masks_alike(imagenet_s):
    name = "n01440764/ILSVRC2012_val_00000293"
    Image.new("RGB", (1250, 1000)).save(imagenet_s / f"ImageNetS919/validation/{name}.JPEG", format="JPEG")
    mask = np.zeros((1000, 1250, 3), np.uint8)
    mask[:, 625:, 0] = 7
    Image.fromarray(mask).save(imagenet_s / f"ImageNetS919/validation-segmentation/{name}.png")
    data = open_benchmark("imagenet-s-919", imagenet_s)
    assert data.image(0).size == (1000, 800)
    target = data.target(0)
    assert target.shape == (800, 1000)
    assert sorted(np.unique(target).tolist()) == [0, 7]


def test_photo_is_not_turned_by_its_exif_mark(voc2012):
    path = voc2012 / "VOCdevkit/VOC2012/JPEGImages/2007_000033.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 6)).save(path, exif=exif)
    data = open_benchmark("voc21", voc2012)
    assert data.image(0).size == (8, 6)
    assert data.target(0).shape == (6, 8)


def test_missing_files_are_listed(voc2012):
    folder = voc2012 / "VOCdevkit/VOC2012"
    (folder / "JPEGImages/2007_000033.jpg").unlink()
    (folder / "SegmentationClass/2007_000042.png").unlink()
    data = open_benchmark("voc21", voc2012)
    assert [path.name for path in data.missing()] == ["2007_000033.jpg", "2007_000042.png"]
    with pytest.raises(ImageError, match=r"2007_000033\.jpg: no such file"):
        data.image(0)
    with pytest.raises(DataError, match=r"2007_000042\.png: no such mask"):
        data.target(1)


def test_half_a_pair_is_noticed(ade20k):
    (ade20k / "ADEChallengeData2016/images/validation/ADE_val_00000001.jpg").unlink()
    data = open_benchmark("ade20k", ade20k)
    assert len(data) == 2
    assert len(data.missing()) == 1


def test_wrong_id_names_file_and_value(context):
    path = context / "VOC2010/SegmentationClassContext/2008_000002.png"
    Image.fromarray(np.full((6, 8), 77, np.uint8)).save(path)
    with pytest.raises(DataError, match=r"2008_000002\.png: holds id 77, which this benchmark does not have"):
        open_benchmark("context60", context).target(0)


def test_mask_of_another_size_names_both(voc2012):
    path = voc2012 / "VOCdevkit/VOC2012/SegmentationClass/2007_000033.png"
    Image.fromarray(np.zeros((5, 8), np.uint8)).save(path)
    with pytest.raises(DataError, match=r"000033\.png: 5 x 8 pixels .*2007_000033\.jpg has 6 x 8"):
        open_benchmark("voc21", voc2012).target(0)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"text"])
def test_truncated_mask_is_refused(voc2012, damage):
    path = voc2012 / "VOCdevkit/VOC2012/SegmentationClass/2007_000033.png"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"2007_000033\.png: the mask is damaged or no picture"):
        open_benchmark("voc21", voc2012).target(0)


def test_colour_picture_is_no_mask(voc2012):
    Image.new("RGB", (8, 6)).save(voc2012 / "VOCdevkit/VOC2012/SegmentationClass/2007_000033.png")
    with pytest.raises(DataError, match="expected a mask with one id per pixel"):
        open_benchmark("voc21", voc2012).target(0)


def test_wrong_folders_and_names_say_what_to_do(tmp_path):
    with pytest.raises(DataError, match="JPEGImages of VOC2012 not found; tried"):
        open_benchmark("voc21", tmp_path)
    with pytest.raises(DataError, match="no such folder; tagalign data check voc21"):
        open_benchmark("voc21", tmp_path / "none")
    with pytest.raises(InputError, match="needs its folder"):
        open_benchmark("voc21")
    with pytest.raises(UnknownNameError, match="unknown benchmark 'voc22'; did you mean"):
        open_benchmark("voc22")
    with pytest.raises(UnknownNameError, match="unknown split of voc21 'test'"):
        open_benchmark("voc21", tmp_path, "test")


def test_tiny_world_needs_no_folder():
    every, objects = open_benchmark("tiny-world"), open_benchmark("tiny-world-objects")
    assert (every.has_background, objects.has_background) == (False, True)
    assert every.target(3).max() < len(every.class_names)
    assert objects.class_names[0] == "background"
    assert every.image(0).size == every.target(0).shape[::-1]


def test_every_benchmark_has_a_layout_and_counts():
    assert len(BENCHMARKS) > 30
    for benchmark in BENCHMARKS.values():
        assert benchmark.splits
        assert benchmark.layout in {"tiny-world", "own"} or all(benchmark.splits.values())
