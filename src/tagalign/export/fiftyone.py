"""Results as FiftyOne labels: ``Segmentation`` for masks, ``Classifications`` for tags."""

from typing import Any

import numpy as np

from tagalign.errors import InputError
from tagalign.export.masks import MAX_PALETTE_LABELS
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


def _fiftyone() -> Any:
    try:
        import fiftyone
    except ImportError as error:
        raise InputError("FiftyOne labels need the package fiftyone: pip install fiftyone") from error
    return fiftyone
