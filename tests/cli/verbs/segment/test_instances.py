"""``tagalign segment --regions`` and ``--instances``: what the run keeps, what exports read, and what is refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO

from tagalign.cli.main import main
from tagalign.export.results import read_results
from tagalign.ops.masks import encode_rle
from tagalign.testing.mask_generator_folder import make_sam_folder

SIZES = {"a": (48, 64), "b": (64, 48)}


@pytest.fixture
def photos(tmp_path):
    for name, size in SIZES.items():
        path = tmp_path / "photos" / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        blocks = np.random.default_rng(len(name)).integers(0, 255, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize(size[::-1], Image.Resampling.NEAREST).save(path)
    return tmp_path / "photos"


@pytest.fixture
def regions(tmp_path):
    """Four quarters of each photo, in 16 bit, and nothing in a corner."""
    folder = tmp_path / "regions"
    folder.mkdir()
    for name, (height, width) in SIZES.items():
        ids = (np.arange(height)[:, None] * 2 // height * 2 + np.arange(width)[None] * 2 // width + 1) * 9000
        ids[:4, :4] = 0
        Image.fromarray(ids.astype(np.uint16)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def segment(clip_folder, photos, tmp_path):
    def call(*flags, out="out"):
        try:
            return main(["segment", str(photos), "--labels", "dog,cat,tree", "--model", str(clip_folder),
                         "--method", "maskclip", "--device", "cpu", "--no-cache", "--no-summary",
                         "--out", str(tmp_path / out), *flags])  # fmt: skip
        except SystemExit as stop:  # a value that a flag refuses is reported by the flag parser
            return stop.code

    return call


def export(kind, out, photos, to):
    assert main(["export", kind, str(out), "--photos", str(photos), "--out", str(to)]) == 0


def rows_of(out):
    return [json.loads(line) for line in (out / "masks.jsonl").read_text().splitlines()]


def test_every_region_comes_back_as_one_instance(segment, regions, photos, tmp_path, capsys):
    assert segment("--regions", str(regions), "--json") == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = rows_of(tmp_path / "out")
    assert [row["instances"] for row in printed] == [row["instances"] for row in rows]
    assert all(len(row["instances"]) == 4 for row in rows)
    export("coco", tmp_path / "out", photos, tmp_path / "coco.json")
    coco = COCO(str(tmp_path / "coco.json"))
    for image in coco.loadImgs(coco.getImgIds()):
        with Image.open(regions / f"{image['file_name'][0]}.png") as file:
            ids = np.asarray(file)
        found = coco.loadAnns(coco.getAnnIds(image["id"]))
        assert sorted((ids == i).sum() for i in set(ids.ravel()) - {0}) == sorted(a["area"] for a in found)
        row = next(row for row in rows if row["path"].endswith(image["file_name"]))
        assert sorted(a["score"] for a in found) == sorted(one["score"] for one in row["instances"])
    export("yolo", tmp_path / "out", photos, tmp_path / "yolo")
    assert len((tmp_path / "yolo/labels/a.txt").read_text().splitlines()) == 4


def test_parquet_and_png_hold_the_same_instances(segment, regions, photos, tmp_path):
    assert segment("--regions", str(regions)) == 0
    assert segment("--regions", str(regions), "--rle", out="parts") == 0
    png, parts = (list(read_results(tmp_path / out, photos=photos)) for out in ("out", "parts"))
    assert len(png) == len(parts) == 2
    for one, other in zip(png, parts, strict=True):
        assert torch.equal(one.segmentation.labels, other.segmentation.labels)
        pairs = zip(one.segmentation.instances, other.segmentation.instances, strict=True)
        for mine, theirs in pairs:
            assert (mine.label, mine.name, mine.box) == (theirs.label, theirs.name, theirs.box)
            assert torch.equal(mine.mask, theirs.mask)
            # JSON keeps six digits, Parquet float32
            assert mine.score == pytest.approx(theirs.score, abs=1e-6)


def test_the_same_command_again_gives_the_same_bytes(segment, regions, tmp_path):
    flags = ("--regions", str(regions), "--overlay")
    assert segment(*flags) == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()}
    (tmp_path / "out" / "rows").joinpath("part-00000-of-00001-000000.jsonl").unlink()
    assert segment(*flags) == 0
    assert before == {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()}
    assert segment("--regions", str(regions), "--region-option", "min_share=0.9", "--overlay") == 2


def test_instances_without_regions_are_connected_parts(segment, photos, tmp_path):
    assert segment("--instances", "--min-area", "1") == 0
    assert segment("--instances", "--min-area", "200", out="large") == 0
    for small, large in zip(rows_of(tmp_path / "out"), rows_of(tmp_path / "large"), strict=True):
        assert [one for one in small["instances"] if one["area"] >= 200] == large["instances"]
    export("coco", tmp_path / "large", photos, tmp_path / "coco.json")
    assert all(a["area"] >= 200 for a in COCO(str(tmp_path / "coco.json")).anns.values())


def test_regions_of_another_size_and_none_have_a_note_and_missing_ones_fail_alone(
    segment, regions, tmp_path, capsys
):
    with Image.open(regions / "a.png") as file:
        Image.fromarray(np.asarray(file)[::2, ::2]).save(regions / "a.png")
    assert segment("--regions", str(regions)) == 0
    notes = (tmp_path / "out" / "notes.jsonl").read_text()
    assert "24 x 32 pixels" in notes
    assert "nearest neighbour" in notes
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(regions / "a.png")
    (regions / "b.png").unlink()
    assert segment("--regions", str(regions), out="none") == 0
    assert "no region was found" in (tmp_path / "none" / "notes.jsonl").read_text()
    assert "no b.png or b.json" in (tmp_path / "none" / "errors.jsonl").read_text()
    assert "Traceback" not in capsys.readouterr().err


def test_regions_of_a_mask_generator(segment, tmp_path):
    sam = str(make_sam_folder(tmp_path / "sam"))
    assert segment("--regions", "auto", "--mask-generator", sam, "--points-per-side", "2") == 0
    head = json.loads((tmp_path / "out" / "run-00000-of-00001.json").read_text())
    assert head["job"]["regions"]["generator"]["points_per_side"] == 2
    assert len(head["job"]["regions"]["generator"]["weight_hash"]) == 16
    # random weights are sure of nothing
    assert all(row["instances"] == [] for row in rows_of(tmp_path / "out"))
    assert "no region was found" in (tmp_path / "out" / "notes.jsonl").read_text()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--regions", "nowhere"), "--regions nowhere: no such file or folder"),
        (("--regions", "r", "--instances"), "leave out --instances"),
        (("--region-option", "min_pixels=3"), "belongs to --regions"),
        (("--regions", "r", "--region-option", "min_share"), "--region-option takes name=value"),
        (
            ("--regions", "r", "--region-option", "min_pixel=3"),
            "--regions has no option 'min_pixel'; did you mean 'min_pixels'",
        ),
        (("--regions", "r", "--region-option", "profile=paper"), "takes released or fixed"),
        (("--min-area", "3"), "belongs to --instances"),
        (("--points-per-side", "3"), "belong to --regions auto"),
        (("--regions", "auto", "--mask-generator", "CLIP"), "expected a mask generator"),
    ],
)
def test_what_does_not_go_together_is_refused(segment, clip_folder, flags, said, capsys):
    assert segment(*[str(clip_folder) if flag == "CLIP" else flag for flag in flags]) == 2
    captured = capsys.readouterr()
    assert said in captured.err + captured.out
    assert "Traceback" not in captured.err


def test_five_thousand_labels_vote_in_regions(clip_folder, photos, regions, tmp_path):
    """Of 5,000 labels each region takes one; every pixel of a region has it."""
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"thing {i}" for i in range(5000)))
    command = [
        "segment",
        str(photos),
        "--labels-file",
        str(names),
        "--templates",
        "1",
        "--model",
        str(clip_folder),
        "--method",
        "maskclip",
    ]
    out = tmp_path / "many"
    flags = [
        "--regions",
        str(regions),
        "--rle",
        "--no-cache",
        "--no-summary",
        "--device",
        "cpu",
        "--out",
        str(out),
    ]
    assert main([*command, *flags]) == 0
    for image in read_results(out, photos=photos):
        with Image.open(regions / f"{image.file_name[0]}.png") as file:
            ids = np.asarray(file).astype(int)
        assert len(image.segmentation.instances) == 4
        for number in sorted(set(ids.ravel()) - {0}):
            assert len(set(image.segmentation.labels.numpy()[ids == number])) == 1


def test_regions_that_overlap_are_empty_or_cover_everything(segment, photos, tmp_path):
    """One COCO file with all of them: the small one lies on top, the empty one and the whole photo are no instances."""
    height, width = SIZES["a"]
    whole, small, half, empty = (np.zeros((height, width), bool) for _ in range(4))
    whole[:], small[4:12, 4:12], half[:, :32] = True, True, True
    masks = [whole, small, half, empty]
    annotations = [
        {"id": i, "image_id": 1, "category_id": 1, "segmentation": run_length_code(mask)}
        for i, mask in enumerate(masks)
    ]
    images = [{"id": 1, "file_name": "a.jpg", "height": height, "width": width}]
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    (photos / "b.jpg").unlink()
    assert segment("--regions", str(path)) == 0
    (row,) = rows_of(tmp_path / "out")
    assert sorted(one["area"] for one in row["instances"]) == [64, half.sum() - 64]


def run_length_code(mask):
    return {"size": list(mask.shape), "counts": encode_rle(torch.from_numpy(mask)).decode()}
