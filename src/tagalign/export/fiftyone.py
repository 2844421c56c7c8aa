"""Results as FiftyOne labels: masks, objects with masks of their own, heat maps, tags."""

from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import MissingExtraError
from tagalign.export.masks import MAX_PALETTE_LABELS
from tagalign.export.records import regions
from tagalign.types import Segmentation, Tagging


def to_segmentation(segmentation: Segmentation) -> Any:
    """A ``fiftyone.Segmentation``; 0 is "nothing" there, so ids count from 1 unless label 0 is ``background``.

    ``mask_targets`` gives the names for the data set's ``default_mask_targets``.
    """
    offset = _offset(segmentation.names)
    wide = len(segmentation.names) + offset > MAX_PALETTE_LABELS
    ids = segmentation.labels.cpu().numpy() + offset
    return _fiftyone().Segmentation(mask=ids.astype(np.uint16 if wide else np.uint8))


def mask_targets(names: tuple[str, ...]) -> dict[int, str]:
    """Names by pixel value of ``to_segmentation``.

    >>> mask_targets(("cat", "dog"))
    {1: 'cat', 2: 'dog'}
    """
    offset = _offset(names)
    return {i + offset: name for i, name in enumerate(names) if i + offset}


def _offset(names: tuple[str, ...]) -> int:
    return 0 if names[:1] == ("background",) else 1


def to_classifications(tagging: Tagging) -> Any:
    """A ``fiftyone.Classifications`` of the chosen tags with their scores, best first."""
    fo = _fiftyone()
    rows = [fo.Classification(label=tagging.names[i], confidence=tagging.scores[i]) for i in tagging.chosen]
    return fo.Classifications(classifications=rows)


def to_detections(
    segmentation: Segmentation, *, split: bool = True, min_area: int = 0, threshold: float | None = None
) -> Any:
    """A ``fiftyone.Detections``: box, mask inside it, and mean score of each instance, connected part or label.

    Boxes are shares of the width and the height, as FiftyOne has them, so they come back to whole pixels and the mask is
    never resized.

    Args:
        segmentation: of one image; ``background`` gives no detection.
        split: False gives one detection per label.
        min_area: smaller regions are left out, in pixels.
        threshold: regions of at least this score.
    """
    fo, (height, width) = _fiftyone(), segmentation.labels.shape
    found = []
    for region in regions(segmentation, split=split, min_area=min_area):
        if threshold is not None and region.score < threshold:
            continue
        left, top, right, bottom = region.box
        box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
        found.append(
            fo.Detection(label=region.name, bounding_box=box, mask=region.mask, confidence=region.score)
        )
    return fo.Detections(detections=found)


def to_heatmap(scores: Float[Tensor, "height width"]) -> Any:
    """A ``fiftyone.Heatmap`` of scores in [0, 1], in 256 steps: floats of a large photo do not fit into its database."""
    steps = (scores.detach().cpu().clamp(0, 1) * 255).round()
    return _fiftyone().Heatmap(map=steps.numpy().astype(np.uint8))


def _fiftyone() -> Any:
    try:
        import fiftyone
    except ImportError as error:
        raise MissingExtraError("FiftyOne labels", "fiftyone", "fiftyone") from error
    return fiftyone
