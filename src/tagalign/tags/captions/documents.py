"""Caption files that are one JSON document: COCO's captions, and lists of records with one caption or several."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tagalign.errors import DataError


def json_records(document: Any, *, caption: str, key: str) -> Iterator[tuple[Any, str]]:
    """The captions of a document, each as a flat record and its place in the document.

    Args:
        document: COCO's ``{"images": [...], "annotations": [...]}``, whose keys are file names, or a list of records;
            the caption of a record may be a list of texts (Flickr30k and COCO as Karpathy and Tag2Text keep them).
        caption: name of the field with the caption in a list of records.
        key: name under which the file name of a COCO image is given.

    Raises:
        DataError: if the document is neither.
    """
    if isinstance(document, Mapping) and isinstance(document.get("annotations"), list):
        yield from _coco(document, caption, key)
    elif isinstance(document, list):
        yield from _listed(document, caption)
    else:
        raise DataError("expected COCO captions (`images` and `annotations`) or a list of records")


def _coco(document: Mapping[str, Any], caption: str, key: str) -> Iterator[tuple[Any, str]]:
    images = document.get("images")
    files = {
        image.get("id"): image.get("file_name")
        for image in (images if isinstance(images, list) else ())
        if isinstance(image, Mapping)
    }
    for number, annotation in enumerate(document["annotations"], start=1):
        if isinstance(annotation, Mapping):
            image = annotation.get("image_id")
            named = {key: files.get(image) or str(image)} if image is not None else {}
            yield {caption: annotation.get("caption"), **named}, str(number)
        else:
            yield annotation, str(number)


def _listed(records: Sequence[Any], caption: str) -> Iterator[tuple[Any, str]]:
    for number, record in enumerate(records, start=1):
        texts = record.get(caption) if isinstance(record, Mapping) else None
        if isinstance(texts, list):
            for i, text in enumerate(texts, start=1):
                yield {**record, caption: text}, f"{number}.{i}"
        else:
            yield record, str(number)
