"""Annotations as examples to measure thresholds on."""

from collections.abc import Iterable

from tagalign.data.annotations.laid import LaidPhoto
from tagalign.errors import DataError
from tagalign.tasks.calibration import Example
from tagalign.tasks.photos.source import PhotoSource


def examples_of(laid: Iterable[LaidPhoto]) -> list[Example]:
    """The photos that a person judged, and the labels that are in them; what is not there is absent.

    Raises:
        DataError: if none has a label.
    """
    found = [
        Example(source=PhotoSource(path=str(one.photo.path)), tags=frozenset(one.marked.labels))
        for one in laid
        if one.marked.said_by != "nobody"
    ]
    if not any(example.tags for example in found):
        raise DataError(f"none of the {len(found)} photos that were judged has one of the labels")
    return found
