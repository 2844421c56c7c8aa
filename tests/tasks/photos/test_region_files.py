"""Regions are found for their photo by the names of the road, and what cannot be used is said in one line."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco

from tagalign.errors import DataError, InputError
from tagalign.tasks.photos.region_files import given_regions, is_one_photo, region_files
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.regions.options import RegionOptions
from tagalign.tasks.regions.value import Regions, regions_of

SIZE = (12, 20)
PHOTO = Image.new("RGB", (SIZE[1], SIZE[0]))


def ids(seed=0, high=4):
    return np.random.default_rng(seed).integers(0, high, SIZE)


def painted(regions):
    return regions.painted(RegionOptions(min_pixels=0, max_share=1.0)).numpy()


def rle_of(mask):
    code = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(code["size"]), "counts": code["counts"].decode()}


def save_coco(path, annotations, images=None):
    images = images or [{"id": 7, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}]
    rows = [{"image_id": 7, "iscrowd": 0} | one for one in annotations]
    path.write_text(json.dumps({"images": images, "annotations": rows, "categories": []}))
    return path


def source(path="photos/a.jpg", name=""):
    return PhotoSource(path=path, name=name)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ids_of_one_and_two_bytes(tmp_path, dtype):
    values = ids().astype(dtype) * (1 if dtype is np.uint8 else 9000)
    Image.fromarray(values).save(tmp_path / "a.png")
    found = region_files(tmp_path / "a.png").of(source(), PHOTO)
    assert np.array_equal(found.ids.numpy(), values)
    assert len(found) == len(set(values.ravel())) - 1


def test_palettes_and_panoptic_colours_are_ids(tmp_path):
    palette = Image.fromarray(ids().astype(np.uint8)).convert("L")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(tmp_path / "p.png")
    assert np.array_equal(given_regions(tmp_path / "p.png", None, SIZE).ids.numpy(), ids())
    wide = ids() * 70_001
    rgb = np.stack([wide & 255, wide >> 8 & 255, wide >> 16], axis=-1).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "rgb.png")
    assert np.array_equal(given_regions(tmp_path / "rgb.png", None, SIZE).ids.numpy(), wide)


# pycocotools' binding was built for an older NumPy
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_run_lengths_in_both_forms_and_polygons(tmp_path):
    masks = [ids() == i for i in (1, 2, 3)]
    plain = {"size": list(SIZE), "counts": Regions.of_masks(torch.tensor(np.array(masks)), SIZE).runs[1]}
    square = [2, 1, 9, 1, 9, 6, 2, 6]
    path = save_coco(
        tmp_path / "all.json",
        [{"segmentation": rle_of(masks[0])}, {"segmentation": plain}, {"segmentation": [square]}],
    )
    found = region_files(path).of(source(), PHOTO)
    assert np.array_equal(found.mask(0).numpy(), masks[0])
    assert np.array_equal(found.mask(1).numpy(), masks[1])
    wanted = coco.decode(coco.merge(coco.frPyObjects([square], *SIZE)))
    assert np.array_equal(found.mask(2).numpy(), wanted > 0)


def test_a_file_without_names_is_for_its_photo_alone(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([rle_of(ids() == 1)]))
    assert len(region_files(path).of(source(), PHOTO)) == 1
    with pytest.raises(DataError, match="regions of one photo, called a; give a folder"):
        region_files(path).of(source("photos/b.jpg"), PHOTO)
    assert len(region_files(path, only_photo=True).of(source("photos/b.jpg"), PHOTO)) == 1


def test_crowds_are_left_out_with_a_note(tmp_path):
    crowd = {"segmentation": [[0, 0, 5, 0, 5, 5]], "iscrowd": 1}
    path = save_coco(tmp_path / "c.json", [crowd, {"segmentation": rle_of(ids() == 1)}])
    found = region_files(path).of(source(), PHOTO)
    assert len(found) == 1
    assert found.notes == ("1 regions of crowds were left out",)


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ({"size": list(SIZE), "counts": [3, 4]}, "mask 0 cannot be used.*fill 12 x 20.*a sum of 7"),
        ({"size": list(SIZE), "counts": [-3, 243]}, "non-negative"),
        ({"size": list(SIZE), "counts": "zz"}, "byte 122"),
        ({"size": [0, 20], "counts": []}, "a size of 0 x 20"),
        ({"size": list(SIZE)}, "got {'size'"),
        ([[1, 2, 3]], "a polygon of 3 numbers"),
        ([[0, 0, 1, float("nan"), 4, 4]], "a polygon of 6 numbers"),
        ("words", "cannot be used"),
        (None, "cannot be used"),
    ],
)
def test_a_damaged_mask_is_named(tmp_path, segmentation, said):
    path = save_coco(tmp_path / "bad.json", [{"segmentation": segmentation}])
    with pytest.raises(DataError, match=said):
        region_files(path).of(source(), PHOTO)


def test_masks_of_several_sizes_are_refused(tmp_path):
    other = {"size": [2, 2], "counts": [0, 4]}
    path = save_coco(tmp_path / "s.json", [{"segmentation": rle_of(ids() == 1)}, {"segmentation": other}])
    with pytest.raises(DataError, match="one size, got 2 x 2 and 12 x 20"):
        region_files(path).of(source(), PHOTO)


@pytest.mark.parametrize("text", ["", "{", "[", "3", '{"annotations": 3}', '{"images": 3, "annotations": []}',
                                  '{"images": [], "annotations": [{"image_id": 1}]}'])  # fmt: skip
def test_a_file_that_is_no_coco_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"a.json"):
        region_files(path)


def test_a_folder_is_searched_by_path_then_by_name(tmp_path):
    for name, high in (("a", 3), ("day/a", 5), ("x__a", 7)):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(ids(high=high).astype(np.uint8)).save(path)
    folder = region_files(tmp_path)
    assert painted(folder.of(source("photos/a.jpg"), PHOTO)).max() == 2
    assert painted(folder.of(source("photos/day/a.jpg"), PHOTO)).max() == 4
    # another photo of the run is called so too: its name alone means neither
    assert painted(folder.of(source("photos/x/a.jpg", name="x__a"), PHOTO)).max() == 6
    with pytest.raises(DataError, match=r"no z__a.png or z__a.json"):
        folder.of(source("photos/z/a.jpg", name="z__a"), PHOTO)
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match="both there; remove one"):
        folder.of(source("photos/a.jpg"), PHOTO)


def test_one_coco_file_for_twins_needs_their_folders(tmp_path):
    images = [
        {"id": i, "file_name": n, "height": SIZE[0], "width": SIZE[1]}
        for i, n in ((7, "a.jpg"), (8, "x/a.jpg"))
    ]
    rows = [{"segmentation": rle_of(ids() == 1)}, {"segmentation": rle_of(ids() == 2), "image_id": 8}]
    found = region_files(save_coco(tmp_path / "all.json", rows, images))
    twin = found.of(source("photos/x/a.jpg", name="x__a"), PHOTO)
    assert np.array_equal(twin.mask(0).numpy(), ids() == 2)
    with pytest.raises(DataError, match="names no such photo"):
        found.of(source("photos/y/a.jpg", name="y__a"), PHOTO)
    twice = region_files(save_coco(tmp_path / "twice.json", [], [images[0], images[0] | {"id": 9}]))
    with pytest.raises(DataError, match=r"names a.jpg 2 times"):
        twice.of(source(), PHOTO)


def test_what_is_not_there_or_no_regions_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        region_files(tmp_path / "none.png")
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(InputError, match="expected an id PNG"):
        region_files(tmp_path / "a.txt")
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read as a picture of ids"):
        region_files(tmp_path / "a.png").of(source(), PHOTO)
    Image.new("RGBA", (4, 4)).save(tmp_path / "b.png")
    with pytest.raises(DataError, match="got mode RGBA"):
        given_regions(tmp_path / "b.png", None, SIZE)
    for wrong in (np.zeros(3), np.zeros((2, 3)), np.zeros((0, 0), dtype=int), 3, "no.txt"):
        with pytest.raises(DataError):
            given_regions(wrong, None, SIZE)


def test_masks_in_hand_are_taken_in_every_form():
    masks = np.stack([ids() == i for i in (1, 2, 3)])
    for given in (masks, list(masks), torch.from_numpy(masks), ids(), torch.from_numpy(ids())):
        assert np.array_equal(painted(regions_of(given)), ids())


def test_one_photo_is_one_image_file(tmp_path):
    PHOTO.save(tmp_path / "a.png")
    assert is_one_photo([str(tmp_path / "a.png")])
    for items in ([], [str(tmp_path)], ["a.txt"], [str(tmp_path / "a.png")] * 2):
        assert not is_one_photo(items)
