"""Results as ``supervision.Detections`` and ``Classifications``, for its annotators, trackers and data sets.

Boxes end behind the last pixel, as boxes of ours do; those that supervision makes from masks end on it.
"""

from typing import Any

import numpy as np

from tagalign.errors import MissingExtraError
from tagalign.export.records import regions
from tagalign.types import Referring, Segmentation, Tagging


def to_detections(segmentation: Segmentation, *, split: bool = True, min_area: int = 0) -> Any:
    """One detection per connected part: box, mask, mean score, label id and, in ``data["class_name"]``, its name.

    Args:
        segmentation: of one image; ``background`` gives no detection.
        split: False gives one detection per label.
        min_area: smaller regions are left out, in pixels.

    Raises:
        MissingExtraError: without the package supervision.
    """
    found = list(regions(segmentation, split=split, min_area=min_area))
    if not found:
        return _supervision().Detections.empty()
    return _supervision().Detections(
        xyxy=np.array([region.box for region in found], dtype=np.float32),
        mask=np.stack([region.full_mask() for region in found]),
        confidence=np.array([region.score for region in found], dtype=np.float32),
        class_id=np.array([region.label for region in found]),
        data={"class_name": np.array([region.name for region in found])},
    )


def referring_to_detections(referring: Referring) -> Any:
    """The region of a phrase as one detection; none when nothing was found."""
    if referring.box is None:
        return _supervision().Detections.empty()
    return _supervision().Detections(
        xyxy=np.array([referring.box], dtype=np.float32),
        mask=referring.mask.cpu().numpy()[None],
        confidence=np.array([referring.score], dtype=np.float32),
        class_id=np.array([0]),
        data={"class_name": np.array([referring.phrase])},
    )


def to_classifications(tagging: Tagging, *, every: bool = False) -> Any:
    """Labels and their scores, best first; ``class_id`` counts ``tagging.names``. Nothing chosen is no classification.

    Args:
        tagging: of one image.
        every: all labels that were asked, not the chosen ones alone; equal scores keep the order of the labels.

    Raises:
        MissingExtraError: without the package supervision.
    """
    ids = sorted(range(len(tagging.names)), key=lambda i: -tagging.scores[i]) if every else tagging.chosen
    return _supervision().Classifications(
        class_id=np.array(ids, dtype=np.int64),
        confidence=np.array([tagging.scores[i] for i in ids], dtype=np.float32),
    )


def _supervision() -> Any:
    try:
        import supervision
    except ImportError as error:
        raise MissingExtraError("supervision.Detections", "supervision", "export") from error
    return supervision
