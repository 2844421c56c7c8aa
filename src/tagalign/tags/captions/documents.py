"""Captions in one JSON document, held in memory: COCO's, and lists of records with one caption or several."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tagalign.errors import DataError
from tagalign.tags.captions.rows import IMAGE, KEY, ReadRow, RowRule
from tagalign.tags.text_files import text_lines


def document_rows(path: Path, rule: RowRule) -> Iterator[ReadRow]:
    """The captions of a document: COCO's are 90 MB.

    COCO's ``{"images": [...], "annotations": [...]}`` names images by their file; in a list of records the caption may be
    a list of texts (Flickr30k and COCO as Karpathy and Tag2Text keep them).

    Raises:
        DataError: if it is no JSON, or neither.
    """
    try:
        document = json.loads("".join(text_lines(path)))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}; lines of JSON end in .jsonl") from error
    if isinstance(document, Mapping) and isinstance(document.get("annotations"), list):
        records = _coco(document, rule)
    elif isinstance(document, list):
        records = _listed(document, rule)
    else:
        raise DataError(f"{path}: expected COCO captions (`images` and `annotations`) or a list of records")
    return (rule.row(record, place) for record, place in records)


def _coco(document: Mapping[str, Any], rule: RowRule) -> Iterator[tuple[Any, str]]:
    images = document.get("images")
    files = {
        str(image.get("id")): image.get("file_name")
        for image in (images if isinstance(images, list) else ())
        if isinstance(image, Mapping)
    }
    for number, annotation in enumerate(document["annotations"], start=1):
        if not isinstance(annotation, Mapping):
            yield annotation, str(number)
            continue
        image = annotation.get("image_id")
        named: dict[str, Any] = {rule.caption: annotation.get("caption")}
        if image is not None:
            named[IMAGE] = files.get(str(image)) or str(image)
        if rule.key in annotation or rule.key != KEY:
            named[rule.key] = annotation.get(rule.key)
        yield named, str(number)


def _listed(records: Sequence[Any], rule: RowRule) -> Iterator[tuple[Any, str]]:
    for number, record in enumerate(records, start=1):
        texts = record.get(rule.caption) if isinstance(record, Mapping) else None
        if isinstance(texts, list):
            for i, text in enumerate(texts, start=1):
                yield {**record, rule.caption: text}, f"{number}.{i}"
        else:
            yield record, str(number)
