"""A photo with its caption in a file of its own, in a tar or in a folder: ``KEY.txt``, or the caption of ``KEY.json``."""

import json

from tagalign.tags.captions.rows import ReadRow, RowRule, bad_row
from tagalign.tags.text_files import decode


def record_row(key: str, content: bytes, rule: RowRule, place: object) -> ReadRow:
    """The row of a record that lies beside a photo; the file's name is the key, whatever the record says."""
    try:
        record = json.loads(decode(content))
    except (ValueError, RecursionError) as error:
        return bad_row(place, f"not JSON: {error}", "no caption")
    if not isinstance(record, dict):
        return bad_row(place, f"expected an object, got {type(record).__name__}", "no caption")
    return rule.row({**record, rule.key: key}, place)
