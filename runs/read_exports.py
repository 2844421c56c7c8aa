"""Our exports in the hands of the tools they are for: Datumaro (CVAT's files), FiftyOne, labelme, and ultralytics (YOLO's).

They bring half a gigabyte each and pins of their own, so they are not part of CI; in an environment of their own:

    pip install -e . datumaro fiftyone ultralytics && python runs/read_exports.py build/exports

A tool that is not installed is passed over, and the line says so.

Asserts that every pixel, name and score comes back as it was written (polygons: areas within 2 %), and prints one line per
tool. FiftyOne's labels also go into a data set and out of its database again where its server starts.
"""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tagalign.data.tiny_world import CLASS_SETS, TinyWorld
from tagalign.export.cvat import write_cvat
from tagalign.export.fiftyone import mask_targets, to_classifications, to_segmentation
from tagalign.export.labelme import write_labelme
from tagalign.export.records import Annotated
from tagalign.export.yolo import write_yolo
from tagalign.tasks.regions.voting import part_instances
from tagalign.types import Segmentation, Tagging

SCENES, NAMES = 20, CLASS_SETS["all"]
POLYGON_TOLERANCE = 0.02  # the promise of export.polygons


def annotated(folder: Path) -> list[Annotated]:
    """Scenes with their true masks, and the photos they belong to in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for i, scene in enumerate(TinyWorld(seed=5, split="test").take(SCENES)):
        labels = torch.from_numpy(scene.label_map("all").astype(np.int64))
        Image.fromarray(scene.image).save(folder / f"{i}.png")
        chosen = tuple(labels.unique().tolist())
        images.append(
            Annotated(
                file_name=f"{i}.png",
                size=(labels.shape[0], labels.shape[1]),
                segmentation=Segmentation(labels=labels, names=NAMES, scores=torch.ones(labels.shape)),
                tagging=Tagging(
                    names=NAMES, scores=tuple(1 / (2 + j) for j in range(len(NAMES))), chosen=chosen
                ),
            )
        )
    return images


def cvat(folder: Path) -> str:
    """Masks, polygons and tags by Datumaro."""
    import datumaro

    found = Counter()
    for form in ("masks", "polygons"):
        images = {Path(one.file_name).stem: one for one in annotated(folder / form / "images")}
        write_cvat(folder / form / "annotations.xml", images.values(), NAMES, form=form)
        read = datumaro.Dataset.import_from(str(folder / form), "cvat")
        names = [label.name for label in read.categories()[datumaro.AnnotationType.label]]
        assert tuple(names) == NAMES
        assert len(read) == SCENES
        for item in read:
            truth, tags = images[item.id], []
            painted, areas = np.full(truth.size, -1), Counter()
            for one in item.annotations:
                found[one.type.name] += 1
                if one.type.name == "label":
                    tags.append(names[one.label])
                elif one.type.name == "mask":
                    painted[np.asarray(one.image, dtype=bool)] = one.label
                else:
                    areas[one.label] += one.get_area()
            assert tuple(tags) == truth.tagging.tags
            if form == "masks":
                np.testing.assert_array_equal(painted, truth.segmentation.labels.numpy())
            else:
                assert_areas(areas, truth)
    return f"{dict(found)} as written"


def assert_areas(areas: Counter, truth: Annotated) -> None:
    """Areas of polygons by label."""
    pixels = truth.segmentation.labels.flatten().bincount(minlength=len(NAMES)).tolist()
    for label, area in areas.items():
        assert abs(area - pixels[label]) <= POLYGON_TOLERANCE * pixels[label], (
            NAMES[label],
            area,
            pixels[label],
        )


def fiftyone(folder: Path) -> str:
    """Labels through FiftyOne's own serialisation, and through a data set where its database starts."""
    import fiftyone as fo

    images = annotated(folder / "photos")
    for one in images:
        masks, tags = to_segmentation(one.segmentation), to_classifications(one.tagging)
        assert_labels(
            fo.Segmentation.from_dict(masks.to_dict()), fo.Classifications.from_dict(tags.to_dict()), one
        )
    done = f"{len(images)} segmentations and classifications as written"
    try:
        data = fo.Dataset()
    except fo.core.config.FiftyOneConfigError as error:
        return f"{done}; no data set ({str(error)[:60]} ...)"
    data.default_mask_targets = mask_targets(NAMES)
    for one in images:
        path = str((folder / "photos" / one.file_name).resolve())
        labels = {"masks": to_segmentation(one.segmentation), "found": to_classifications(one.tagging)}
        data.add_sample(fo.Sample(filepath=path, **labels))
        assert_labels(data[path].masks, data[path].found, one)
    assert data.default_mask_targets == dict(enumerate(NAMES, start=1))
    return f"{done}, in a data set too"


def assert_labels(masks: Any, tags: Any, truth: Annotated) -> None:
    """FiftyOne's labels of one image; its ids count from 1."""
    np.testing.assert_array_equal(masks.mask, truth.segmentation.labels.numpy() + 1)
    rows = [(row.label, row.confidence) for row in tags.classifications]
    assert rows == [(NAMES[i], truth.tagging.scores[i]) for i in truth.tagging.chosen]


def ultralytics(folder: Path) -> str:
    """Instances as YOLO-seg, read by the check that its trainer runs over every file of a data set."""
    from ultralytics.data.utils import verify_image_label

    images = [
        replace(one, segmentation=part_instances(one.segmentation)) for one in annotated(folder / "images")
    ]
    write_yolo(folder, images)
    count = 0
    for one in images:
        photo, labels = (
            folder / "images" / one.file_name,
            folder / "labels" / f"{Path(one.file_name).stem}.txt",
        )
        _, rows, shape, polygons, _, missing, found, empty, corrupt, said = verify_image_label(
            (str(photo), str(labels), "", False, len(NAMES), 0, 0, False)
        )
        assert (missing, found, empty, corrupt) == (0, 1, 0, 0), said
        assert tuple(shape) == one.size
        areas: Counter[int] = Counter()
        for row, polygon in zip(rows, polygons, strict=True):
            areas[int(row[0])] += _area(polygon * np.array(one.size[::-1]))
        wanted: Counter[int] = Counter()
        for instance in one.segmentation.instances:
            wanted[instance.label] += int(instance.inside.sum())
        for label, area in wanted.items():
            assert abs(areas[label] - area) <= POLYGON_TOLERANCE * area, (NAMES[label], areas[label], area)
        count += len(polygons)
    return f"{count} polygons of {len(images)} photos, areas as written"


def _area(polygon: np.ndarray) -> float:
    """Shoelace, in square pixels."""
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def labelme(folder: Path) -> str:
    """Masks by labelme's reader and its rule for their places; polygons by the area inside them; tags."""
    from labelme._label_file import LabelFile

    found = Counter()
    for form in ("masks", "polygons"):
        images = annotated(folder / form)
        write_labelme(folder / form, images, form=form, photos=folder / form)
        for one in images:
            read = LabelFile(str(folder / form / Path(one.file_name).with_suffix(".json")))
            assert [name for name, is_set in read.flags.items() if is_set] == list(one.tagging.tags)
            truth = one.segmentation.labels.numpy()
            painted, areas = np.full(truth.shape, -1), Counter()
            for shape in read.shapes:
                found[shape["shape_type"]] += 1
                label = NAMES.index(shape["label"])
                if form == "masks":
                    (left, top), (right, bottom) = np.array(shape["points"], dtype=int)
                    painted[top : bottom + 1, left : right + 1][shape["mask"]] = label
                else:
                    areas[label] += _area(np.array(shape["points"]))
            if form == "masks":
                np.testing.assert_array_equal(painted, truth)
            for label, area in areas.items():
                wanted = (truth == label).sum()
                assert abs(area - wanted) <= POLYGON_TOLERANCE * wanted, (NAMES[label], area, wanted)
    return f"{dict(found)} of {SCENES} photos; masks equal pixel by pixel, areas of polygons within 2 %"


TOOLS: dict[str, Callable[[Path], str]] = {
    "datumaro": cvat,
    "fiftyone": fiftyone,
    "labelme": labelme,
    "ultralytics": ultralytics,
}


def main(folder: Path) -> None:
    for name, read in TOOLS.items():
        there = find_spec(name) is not None
        print(f"{name}: {read(folder / name) if there else 'not installed, passed over'}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/exports"))
