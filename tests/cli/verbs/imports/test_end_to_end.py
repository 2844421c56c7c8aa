"""Real photos, annotated in five tools: what is imported is what was drawn, and what follows sees that."""

import json
import shutil
from itertools import groupby, pairwise
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import tagalign
from tagalign.cli.main import main
from tagalign.export.label_studio import brush_rle

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("unchecked_types")]

LABELS = ("person", "dog", "chair")
VOC_IDS = {"person": 15, "dog": 12, "chair": 9}
COUNT, SIZE = 8, (96, 128)
Truth = dict[str, np.ndarray]
"""Ids of the pixels of each photo, from 1; 0 where nothing was drawn."""


@pytest.fixture(scope="module")
def photos(real_data, tmp_path_factory) -> tuple[Path, Truth]:
    """Eight photos with names that need care, and the boxes of three labels painted on them, the largest below."""
    content = json.loads((real_data / "coco_mini/annotations/instances_train2017.json").read_text())
    ids = {one["id"]: LABELS.index(one["name"]) + 1 for one in content["categories"] if one["name"] in LABELS}
    rows = [one for one in content["annotations"] if one["category_id"] in ids and not one["iscrowd"]]
    wanted = {one["image_id"]: ids[one["category_id"]] for one in rows}
    chosen = [image for label in (1, 2, 3) for image in [i for i in wanted if wanted[i] == label][:3]]
    folder, truth = tmp_path_factory.mktemp("photos"), Truth()
    for image in content["images"]:
        if image["id"] not in chosen:
            continue
        name = f"day, 写 {len(truth)} 'a'.jpg"
        with Image.open(real_data / "coco_mini/train2017" / image["file_name"]) as photo:
            photo.convert("RGB").resize((SIZE[1], SIZE[0])).save(folder / name, quality=95)
        mask = np.zeros(SIZE, dtype=np.uint8)
        scale = np.array([SIZE[1] / image["width"], SIZE[0] / image["height"]] * 2)
        own = [one for one in rows if one["image_id"] == image["id"]]
        for one in sorted(own, key=lambda one: -one["bbox"][2] * one["bbox"][3]):
            left, top, width, height = (np.array(one["bbox"]) * scale).round().astype(int)
            mask[top : top + height, left : left + width] = ids[one["category_id"]]
        truth[name] = mask
    assert len(truth) == COUNT
    return folder, truth


# --- the same in the files of five tools, by plain loops ---------------------------------------------------------------


def drawn(mask: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [(name, mask == i) for i, name in enumerate(LABELS, start=1) if (mask == i).any()]


def runs(cells: np.ndarray) -> list[int]:
    """Lengths of equal cells in turns, the first of empty ones."""
    found = [(bool(value), len(list(some))) for value, some in groupby(cells.tolist())]
    return [0] * found[0][0] + [length for _, length in found]


def coco(folder: Path, truth: Truth) -> Path:
    images, rows = [], []
    for number, (name, mask) in enumerate(truth.items()):
        images.append(
            {"id": f"n{number}", "file_name": f"C:\\x\\{name}", "height": SIZE[0], "width": SIZE[1]}
        )
        for label, cells in drawn(mask):
            code = {"size": list(SIZE), "counts": runs(cells.T.reshape(-1))}
            rows.append(
                {"image_id": f"n{number}", "category_id": 7 * LABELS.index(label), "segmentation": code}
            )
    names = [{"id": 7 * i, "name": name} for i, name in enumerate(LABELS)]
    path = folder / "coco.json"
    path.write_text(json.dumps({"annotations": rows, "images": images, "categories": names}))
    return path


def cvat(folder: Path, truth: Truth) -> Path:
    images = []
    for name, mask in truth.items():
        shapes = "".join(
            f'<mask label="{label}" rle="{", ".join(map(str, runs(cells.reshape(-1))))}" left="0" top="0" '
            f'width="{SIZE[1]}" height="{SIZE[0]}"/>'
            for label, cells in drawn(mask)
        )
        images.append(f'<image name={quoteattr(name)} width="{SIZE[1]}" height="{SIZE[0]}">{shapes}</image>')
    path = folder / "cvat.xml"
    path.write_text(f"<annotations>{''.join(images)}</annotations>", encoding="utf-8")
    return path


def studio(folder: Path, truth: Truth) -> Path:
    tasks = []
    for number, (name, mask) in enumerate(truth.items()):
        results = [
            {
                "type": "brushlabels",
                "original_width": SIZE[1],
                "original_height": SIZE[0],
                "value": {"format": "rle", "rle": brush_rle(cells), "brushlabels": [label]},
            }
            for label, cells in drawn(mask)
        ]
        address = f"/data/local-files/?d={name}"
        tasks.append(
            {"id": number, "data": {"image": address}, "annotations": [{"id": 1, "result": results}]}
        )
    path = folder / "studio.json"
    path.write_text(json.dumps(tasks))
    return path


def yolo(folder: Path, truth: Truth) -> Path:
    """A polygon of four corners around each run of a row: exact, as corners lie on the borders of pixels."""
    (folder / "yolo/labels").mkdir(parents=True)
    (folder / "yolo/data.yaml").write_text(f"names: [{', '.join(LABELS)}]")
    for name, mask in truth.items():
        lines = []
        for row in range(SIZE[0]):
            edges = np.flatnonzero(np.diff(mask[row], prepend=0, append=0))
            for left, right in pairwise(edges):
                if mask[row, left]:
                    corners = ((left, row), (right, row), (right, row + 1), (left, row + 1))
                    shares = (f"{x / SIZE[1]:.8f} {y / SIZE[0]:.8f}" for x, y in corners)
                    lines.append(f"{mask[row, left] - 1} {' '.join(shares)}")
        (folder / f"yolo/labels/{Path(name).stem}.txt").write_text("\n".join(lines))
    return folder / "yolo"


def voc(folder: Path, truth: Truth) -> Path:
    (folder / "voc/SegmentationClass").mkdir(parents=True)
    table = np.array([0, *(VOC_IDS[name] for name in LABELS)], dtype=np.uint8)
    for name, mask in truth.items():
        Image.fromarray(table[mask]).save(folder / f"voc/SegmentationClass/{Path(name).stem}.png")
    return folder / "voc"


TOOLS = {"coco": coco, "cvat": cvat, "label-studio": studio, "yolo": yolo, "voc": voc}


@pytest.fixture
def imported(photos, tmp_path):
    """The folder that an import of a tool's file has written."""
    folder, truth = photos

    def make(tool: str, into: str) -> Path:
        path, out = TOOLS[tool](tmp_path, truth), tmp_path / f"{tool}-{into}"
        flags = ("--photos", folder, "--labels", ",".join(LABELS), "--into", into, "--out", out)
        assert main(["import", "annotations", str(path), *map(str, flags)]) == 0
        return out

    return make


# --- what becomes of it ------------------------------------------------------------------------------------------------


def written_masks(out: Path) -> Truth:
    """By the name of the photo that they were imported from."""
    rows = [json.loads(line) for line in (out / "labels.jsonl").read_text().splitlines()]
    return {
        row["from"]: np.asarray(Image.open(out / "masks" / f"{Path(row['image']).stem}.png")) for row in rows
    }


@pytest.mark.parametrize("tool", TOOLS)
def test_masks_to_train_on_are_those_that_were_drawn(tool, imported, photos):
    found = written_masks(imported(tool, "training"))
    assert found.keys() == photos[1].keys()
    for name, mask in photos[1].items():
        np.testing.assert_array_equal(found[name], np.where(mask > 0, mask - 1, 255), err_msg=name)


def test_training_is_that_on_the_same_masks_given_directly(imported, photos, clip_folder, tmp_path):
    out = imported("cvat", "training")
    (tmp_path / "own").mkdir()
    shutil.copytree(photos[0], tmp_path / "own/photos")
    (tmp_path / "own/masks").mkdir()
    for name, mask in photos[1].items():
        ids = np.where(mask > 0, mask - 1, 255).astype(np.uint8)
        Image.fromarray(ids).save(tmp_path / f"own/masks/{Path(name).stem}.png")
    for root, labels in (
        (out, ("--labels-file", out / "labels.json")),
        (tmp_path / "own", ("--labels", ",".join(LABELS))),
    ):
        flags = ("--photos", root / "photos", "--masks", root / "masks", *labels, "--out", root / "model")
        small = ("--steps", "2", "--batch-size", "2", "--size", "32", "--device", "cpu", "--loaders", "0")
        assert main(["train", "--method", "trusty", "--model", *map(str, (clip_folder, *flags, *small))]) == 0
    ours, theirs = (
        {k: v for path in sorted((root / "model").glob("*.safetensors")) for k, v in load_file(path).items()}
        for root in (out, tmp_path / "own")
    )
    assert ours.keys() == theirs.keys()
    assert ours
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)


@pytest.mark.parametrize("tool", ["label-studio", "yolo"])
def test_thresholds_from_imported_clicks_are_a_plain_computation(tool, imported, photos, tmp_path):
    review = imported(tool, "clicks") / "review.jsonl"
    flags = ("--labels", ",".join(LABELS), "--threshold", f"from:{review}", "--out", tmp_path / "tags")
    assert main(["tag", str(photos[0]), "--model", "tiny", "--method", "clip", *map(str, flags)]) == 0
    learned = json.loads(next((tmp_path / "tags").glob("run-*.json")).read_text())["job"]["learned"]
    model = tagalign.load("tiny", method="clip")
    scores = {}
    for name in photos[1]:
        with Image.open(photos[0] / name) as photo:
            scores[name] = model.tag(model.encode_image(photo), LABELS).scores
    for i, label in enumerate(LABELS):
        there = {name: bool((mask == i + 1).any()) for name, mask in photos[1].items()}
        if 3 <= sum(there.values()) <= COUNT - 3:
            assert learned[label] == pytest.approx(best([(scores[n][i], there[n]) for n in there]), abs=1e-5)
        else:
            assert label not in learned
    assert len(learned) >= 2


def best(pairs: list[tuple[float, bool]]) -> float:
    """Every cut half-way between two scores is tried; the highest of the best ones."""
    cuts = sorted({score for score, _ in pairs} | {0.0}, reverse=True)
    middles = [(high + low) / 2 for high, low in pairwise(cuts)]

    def f1(cut: float) -> float:
        chosen = [present for score, present in pairs if score >= cut]
        return 2 * sum(chosen) / (len(chosen) + sum(present for _, present in pairs))

    return max(middles, key=lambda cut: (round(f1(cut), 9), cut))


@pytest.mark.parametrize("tool", ["coco", "voc"])
def test_evaluation_on_the_imported_benchmark_is_a_plain_count(tool, imported, photos, tmp_path):
    out = imported(tool, "benchmark")
    flags = ("--data", "own-labels", "--path", out, "--model", "tiny", "--method", "clip", "--resamples", "0")
    assert main(["evaluate", *map(str, flags), "--allow-missing", "--out", str(tmp_path / "e")]) == 0
    result = json.loads((tmp_path / "e/result.json").read_text())
    model, hits, unions = tagalign.load("tiny", method="clip"), np.zeros(3), np.zeros(3)
    for name, mask in photos[1].items():
        with Image.open(out / "photos" / f"{Path(name).stem}.jpg") as photo:
            said = model.segment(model.encode_image(photo), LABELS, photo=photo).labels.numpy()[mask > 0]
        true = mask[mask > 0] - 1
        for i in range(3):
            hits[i] += ((said == i) & (true == i)).sum()
            unions[i] += ((said == i) | (true == i)).sum()
    assert result["metrics"]["miou"] == pytest.approx(100 * (hits / unions).mean(), rel=1e-6)
