"""Small fake copies of the official folders: two images each, official names and encodings."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

SIZE = (6, 8)  # height, width


def photo(path, size=SIZE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 255, (*size, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path, **options)


def palette_mask(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(ids, dtype=np.uint8))
    image.putpalette([(7 * i) % 256 for i in range(768)])
    image.save(path)


def grey_mask(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(ids, dtype=np.uint8)).save(path)


def ids_with(*values, size=SIZE):
    """A mask of zeros whose first pixels are the given ids."""
    mask = np.zeros(size, np.int64)
    mask.flat[: len(values)] = values
    return mask


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def voc2012(tmp_path):
    folder = tmp_path / "VOCdevkit/VOC2012"
    for name, ids in (("2007_000033", (0, 1, 20, 255)), ("2007_000042", (5, 5, 15, 255))):
        photo(folder / f"JPEGImages/{name}.jpg")
        palette_mask(folder / f"SegmentationClass/{name}.png", ids_with(*ids))
    photo(folder / "JPEGImages/2008_000002.jpg")
    grey_mask(folder / "SegmentationClassAug/2008_000002.png", ids_with(20))
    grey_mask(folder / "SegmentationClassAug/2007_000042.png", ids_with(5))
    lists = folder / "ImageSets/Segmentation"
    write_lines(lists / "val.txt", ["2007_000033", "2007_000042"])
    write_lines(lists / "train.txt", ["2007_000042"])
    write_lines(lists / "aug.txt", ["2008_000002"])
    return tmp_path


@pytest.fixture
def voc2007(tmp_path):
    from tagalign.tags.label_sets import load_label_set

    folder = tmp_path / "VOC2007"
    for name in ("000001", "000002"):
        photo(folder / f"JPEGImages/{name}.jpg")
    for label in load_label_set("voc20").names:
        marks = {"dog": (1, -1), "person": (0, 1)}.get(label, (-1, -1))
        lines = [f"000001 {marks[0]:2d}", f"000002 {marks[1]:2d}"]
        write_lines(folder / f"ImageSets/Main/{label}_test.txt", lines)
    return tmp_path


@pytest.fixture
def context(tmp_path):
    folder = tmp_path / "VOC2010"
    for name, ids in (("2008_000002", (0, 1, 59)), ("2008_000003", (59, 2, 0))):
        photo(folder / f"JPEGImages/{name}.jpg")
        grey_mask(folder / f"SegmentationClassContext/{name}.png", ids_with(*ids))
    write_lines(folder / "ImageSets/SegmentationContext/val.txt", ["2008_000002", "2008_000003"])
    return tmp_path


@pytest.fixture
def cocostuff(tmp_path):
    for name, ids in (("000000000139", (0, 89, 91, 181, 255)), ("000000000285", (22, 123, 156, 255, 0))):
        photo(tmp_path / f"images/val2017/{name}.jpg")
        grey_mask(tmp_path / f"annotations/val2017/{name}.png", ids_with(*ids))
    write_lines(tmp_path / "curated/val2017/Coco164kFull_Stuff_Coarse.txt", ["000000000285"])
    return tmp_path


@pytest.fixture
def coco_json(tmp_path):
    """Instances, captions and images of COCO, with a polygon, an uncompressed run-length code and a crowd."""
    images = [
        {"id": 285, "file_name": "000000000285.jpg", "height": 6, "width": 8},
        {"id": 139, "file_name": "000000000139.jpg", "height": 6, "width": 8},
    ]
    square = [[1, 1, 5, 1, 5, 5, 1, 5]]
    annotations = [
        {"id": 1, "image_id": 139, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0, "segmentation": square},
        {"id": 2, "image_id": 139, "category_id": 90, "bbox": [2, 2, 1, 1], "area": 1, "iscrowd": 0,
         "segmentation": [[2, 2, 3, 2, 3, 3, 2, 3]]},
        {"id": 3, "image_id": 139, "category_id": 18, "bbox": [7, 0, 1, 6], "area": 6, "iscrowd": 1,
         "segmentation": {"size": [6, 8], "counts": [42, 6]}},
    ]  # fmt: skip
    for image in images:
        photo(tmp_path / f"val2017/{image['file_name']}")
    write_json(
        tmp_path / "annotations/instances_val2017.json",
        {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]},
    )
    captions = [{"id": i, "image_id": 139, "caption": f"caption {i} "} for i in range(5)]
    write_json(tmp_path / "annotations/captions_val2017.json", {"images": images, "annotations": captions})
    return tmp_path


@pytest.fixture
def cityscapes(tmp_path):
    for city, name in (("lindau", "lindau_000000_000019"), ("munster", "munster_000001_000019")):
        photo(tmp_path / f"leftImg8bit/val/{city}/{name}_leftImg8bit.png")
        grey_mask(tmp_path / f"gtFine/val/{city}/{name}_gtFine_labelIds.png", ids_with(7, 33, 4, 29))
    return tmp_path


@pytest.fixture
def ade20k(tmp_path):
    folder = tmp_path / "ADEChallengeData2016"
    for name in ("ADE_val_00000001", "ADE_val_00000002"):
        photo(folder / f"images/validation/{name}.jpg")
        grey_mask(folder / f"annotations/validation/{name}.png", ids_with(0, 1, 150))
    return tmp_path


@pytest.fixture
def ade20k_847(tmp_path):
    folder = tmp_path / "ADE20K_2021_17_01"
    for name, ids in (("ADE_val_00000001", (0, 255, 846, 65535)), ("ADE_val_00000002", (256, 1))):
        photo(folder / f"images_detectron2/validation/{name}.jpg")
        path = folder / f"annotations_detectron2/validation/{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ids_with(*ids).astype(np.uint16)).save(path)
    return tmp_path


@pytest.fixture
def imagenet_s(tmp_path):
    folder = tmp_path / "ImageNetS919"
    for wnid, name, ids in (
        ("n01440764", "ILSVRC2012_val_00000293", (0, 1, 255)),
        ("n15075141", "ILSVRC2012_val_00000050", (919, 1000, 300)),
    ):
        photo(folder / f"validation/{wnid}/{name}.JPEG", format="JPEG")
        mask = ids_with(*ids)
        color = np.stack([mask % 256, mask // 256, np.zeros_like(mask)], axis=-1).astype(np.uint8)
        path = folder / f"validation-segmentation/{wnid}/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(color).save(path)
    return tmp_path


@pytest.fixture
def openimages(tmp_path):
    folder = tmp_path / "openimages_common_214"
    for name in ("000d4d4f", "0013ea20"):
        photo(folder / f"imgs/{name}.jpg")
    write_lines(folder / "openimages_common_214_ram_taglist.txt", ["dog", "gas stove", "zebra"])
    write_lines(folder / "openimages_common_214_ram_annots.txt", ["000d4d4f,gas stove,dog", "0013ea20"])
    return tmp_path


REFERENCES = [
    {"ref_id": 1, "ann_id": 11, "image_id": 581857, "split": "testA", "category_id": 1,
     "sentences": [{"sent": "left man", "raw": "left man"}, {"sent": "man in red", "raw": "Man in red"}]},
    {"ref_id": 2, "ann_id": 12, "image_id": 581857, "split": "testA", "category_id": 1,
     "sentences": [{"sent": "right woman", "raw": "right woman"}]},
    {"ref_id": 3, "ann_id": 13, "image_id": 8690, "split": "val", "category_id": 1, "sentences": [{"sent": "dog"}]},
]  # fmt: skip


@pytest.fixture
def refcoco(tmp_path):
    """``refs(unc).p`` for RefCOCO (a pickle as Python 2 wrote it), ``refs(umd).json`` for RefCOCOg."""
    images = [
        {"id": 581857, "file_name": "COCO_train2014_000000581857.jpg", "height": 6, "width": 8},
        {"id": 8690, "file_name": "COCO_train2014_000000008690.jpg", "height": 6, "width": 8},
    ]
    square = [[1, 1, 5, 1, 5, 5, 1, 5]]
    annotations = [
        {"id": k, "image_id": i, "segmentation": square, "iscrowd": 0}
        for k, i in ((11, 581857), (12, 581857), (13, 8690))
    ]
    for image in images:
        photo(tmp_path / f"images/train2014/{image['file_name']}")
    for folder in ("refcoco", "refcocog"):
        write_json(tmp_path / folder / "instances.json", {"images": images, "annotations": annotations})
    (tmp_path / "refcoco/refs(unc).p").write_bytes(pickle.dumps(REFERENCES, protocol=0))
    write_json(tmp_path / "refcocog/refs(umd).json", REFERENCES)
    return tmp_path


@pytest.fixture
def karpathy(tmp_path):
    rows = []
    for split, folder, name in (
        ("test", "val2014", "COCO_val2014_000000391895.jpg"),
        ("test", "val2014", "COCO_val2014_000000060623.jpg"),
        ("restval", "train2014", "COCO_train2014_000000318556.jpg"),
    ):
        photo(tmp_path / folder / name)
        sentences = [{"raw": f"A {word} on a road. ", "tokens": []} for word in ("man", "dog")]
        rows.append({"filepath": folder, "filename": name, "split": split, "sentences": sentences})
    write_json(tmp_path / "dataset_coco.json", {"dataset": "coco", "images": rows})
    flickr = [
        {"filename": f"{i}.jpg", "split": "test", "sentences": [{"raw": "A man."}]} for i in (36979, 65567)
    ]
    for row in flickr:
        photo(tmp_path / "flickr30k-images" / row["filename"])
    write_json(tmp_path / "dataset_flickr30k.json", {"dataset": "flickr30k", "images": flickr})
    return tmp_path


@pytest.fixture
def nocaps(tmp_path):
    images = [
        {"id": i, "file_name": f"{i:016x}.jpg", "height": 6, "width": 8, "domain": domain}
        for i, domain in ((0, "in-domain"), (1, "out-domain"))
    ]
    for image in images:
        photo(tmp_path / "val" / image["file_name"])
    captions = [{"id": k, "image_id": k % 2, "caption": f"caption {k}"} for k in range(4)]
    write_json(tmp_path / "nocaps_val_4500_captions.json", {"images": images, "annotations": captions})
    return tmp_path


@pytest.fixture
def vqa(tmp_path):
    for number in (262148, 393225):
        photo(tmp_path / f"val2014/COCO_val2014_{number:012d}.jpg")
    questions = [
        {"image_id": 262148, "question": "Where is he looking?", "question_id": 262148000},
        {"image_id": 262148, "question": "Are there dogs?", "question_id": 262148001},
        {"image_id": 393225, "question": "What is it?", "question_id": 393225000},
    ]
    answers = [
        {"question_id": q["question_id"], "answers": [{"answer": "down", "answer_id": k} for k in range(10)]}
        for q in questions
    ]
    write_json(tmp_path / "v2_OpenEnded_mscoco_val2014_questions.json", {"questions": questions})
    write_json(tmp_path / "annotations/v2_mscoco_val2014_annotations.json", {"annotations": answers})
    return tmp_path
