"""What a row does to objects and to the background, on validation scenes: the numbers behind a failure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Num
from scipy.stats import rankdata

from tagalign.data.tiny_world import OBJECTS
from tagalign.evaluate.rows import Row
from tagalign.evaluate.segmentation import Confusion
from tagalign.experiments import protocol
from tagalign.experiments.head.phrases import needs_looks
from tagalign.experiments.world import Split, class_labels
from tagalign.methods.protocols import Segmenter


@torch.inference_mode()
def diagnosis(method: Segmenter[Any], split: Split, threshold: float) -> dict[str, float]:
    """Percent, over the pixels of all scenes of a split.

    ``objects_named``: object pixels whose best object is their own. ``objects_other``: object pixels whose best object is
    another one that the picture shows. ``background_present``: background pixels whose best object is one that the picture
    shows. ``objects_stand_out``: area under the ROC curve of the best object's score, object against background pixels;
    50 is chance, and a background rule cannot do better. ``background_right`` and ``objects_right``: with backgrounds as
    classes beside the objects. ``validation_miou_objects``: what settings may be chosen by.

    Args:
        method: a row.
        split: scenes that are not tested on.
        threshold: of the row's background rule.
    """
    objects, everything = (method.encode_labels(class_labels(name)) for name in ("objects", protocol.CLASSES))
    data = split.segmentation(protocol.CLASSES)
    scenes = split.scenes()
    encoded = method.encode_images([data.image(i) for i in range(len(data))])
    columns: list[tuple[np.ndarray, ...]] = []
    for index, (scene, image) in enumerate(zip(scenes, encoded, strict=True)):
        best, among_all = method.segment(image, objects), method.segment(image, everything)
        names = {one.name for one in scene.instances}
        present = np.array([name in names for name in OBJECTS])
        maps = (data.target(index), best.labels.numpy(), best.scores.numpy(), among_all.labels.numpy())
        columns.append((*(one.ravel() for one in maps), present[best.labels.numpy()].ravel()))
    truth, named, scores, found, present_named = (
        np.concatenate(parts) for parts in zip(*columns, strict=True)
    )
    on_object = truth < len(OBJECTS)
    confusion = Confusion(len(OBJECTS) + 1)
    confusion.update(
        torch.from_numpy(np.where(scores > threshold, named + 1, 0))[None],
        torch.from_numpy(np.where(on_object, truth + 1, 0))[None],
    )
    return {
        "validation_miou_objects": 100 * confusion.miou(),
        "objects_named": _percent((named == truth)[on_object]),
        "objects_other": _percent((present_named & (named != truth))[on_object]),
        "background_present": _percent(present_named[~on_object]),
        "objects_stand_out": 100 * roc_area(scores, on_object),
        "background_right": _percent((found == truth)[~on_object]),
        "objects_right": _percent((found == truth)[on_object]),
    }


def _percent(values: Bool[np.ndarray, " pixels"]) -> float:
    return 100 * float(values.mean()) if len(values) else 0.0


def roc_area(scores: Num[np.ndarray, " items"], positive: Bool[np.ndarray, " items"]) -> float:
    """Probability that a positive item scores above a negative one, ties half; 0.5 if either kind is missing.

    >>> roc_area(np.array([3.0, 1.0, 2.0]), np.array([True, False, False]))
    1.0
    """
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return 0.5
    ranks: Float[np.ndarray, " items"] = rankdata(scores)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def referring_needed(rows: Sequence[Row], test: Split) -> dict[str, float]:
    """Mean IoU, percent, over the phrases whose looks are needed to tell the object, and their share of all phrases.

    Args:
        rows: answers of ``AskReferring`` to the scenes of ``test``.
        test: those scenes.
    """
    found: list[float] = []
    total = 0
    for row, scene in zip(rows, test.scenes(), strict=True):
        areas: Int[np.ndarray, "phrases 2"] = np.array(row["areas"], dtype=np.int64).reshape(-1, 2)
        needed = [needs_looks(phrase, scene) for phrase in row["phrases"]]
        total += len(needed)
        found += [
            hit / max(union, 1)
            for (hit, union), is_needed in zip(areas.tolist(), needed, strict=True)
            if is_needed
        ]
    return {
        "referring_needed": 100 * float(np.mean(found)) if found else 0.0,
        "needed_share": 100 * len(found) / max(total, 1),
    }
