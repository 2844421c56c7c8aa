"""Label Studio: the full export (JSON), JSON-MIN, and the tasks that we write; see ``label_studio_results`` for the regions.

Of several annotations of one task the ground truth counts, else the last that was submitted; cancelled ones are none.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from tagalign.backbones.image_formats import image_suffixes
from tagalign.data.annotations.formats import READERS, ReaderEntry
from tagalign.data.annotations.label_studio_results import SHAPE_KEYS, read_results
from tagalign.data.annotations.reader import DAMAGED, AnnotationSource
from tagalign.data.annotations.records import MarkedPhoto, SaidBy
from tagalign.data.json_items import json_items
from tagalign.errors import DataError

PHOTO_KEYS = ("image", "img", "photo", "picture", "url", "image_url")
MIN_KEYS = frozenset(
    {
        "id",
        "annotator",
        "annotation_id",
        "created_at",
        "updated_at",
        "lead_time",
        "agreement",
        "inner_id",
        "file_upload",
    }
)
"""Of JSON-MIN, what is about the task and nothing that a person said."""


def read(source: AnnotationSource) -> Iterator[MarkedPhoto]:
    """See ``AnnotationReader``."""
    try:
        for number, task in enumerate(json_items(source.path), start=1):
            if not isinstance(task, dict):
                raise ValueError(f"task {number} is a {type(task).__name__}")
            photo = _task(source, task, number) if "data" in task else _flat_task(source, task, number)
            if photo is not None:
                source.knows([*photo.labels, *photo.given])
                yield photo
    except (ValueError, OSError, RecursionError) as error:
        raise DataError(
            f"{source.path}: expected a list of Label Studio's tasks, could not read it ({error!s:.200})"
        ) from error


# --- the full export ------------------------------------------------------------------------------------------------


def _task(source: AnnotationSource, task: dict[str, Any], number: int) -> MarkedPhoto | None:
    where = f"task {task.get('id', number)}"
    name = _photo_name(task["data"])
    if name is None:
        source.told.say(*_no_picture(task["data"], where))
        return None
    annotation, said_by = _counting(source, task, where)
    if annotation is not None and not isinstance(annotation.get("result") or [], list):
        # taken as empty it would say no to every label
        source.told.say(DAMAGED, name, f"{where}: a result that is a {type(annotation['result']).__name__}")
        return None
    suggestions = [one for one in _list(task.get("predictions")) if isinstance(one, dict)]
    quiet = AnnotationSource(
        path=source.path
    )  # what is wrong with suggestions matters to nobody who has judged them
    suggested = [read_results(quiet, _list(one.get("result")), name) for one in suggestions]
    given = [label for one in suggested for label in one.labels]
    if annotation is None and said_by == "model":
        found = read_results(source, _list(suggestions[-1].get("result")), name)
    else:
        found = read_results(source, _list((annotation or {}).get("result")), name)
    return MarkedPhoto(
        name=name,
        size=found.size,
        regions=found.regions,
        tags=found.tags,
        given=tuple(dict.fromkeys(given)),
        said_by=said_by,
        source=""
        if annotation is None or annotation.get("id") is None
        else f"label-studio:{annotation['id']!s:.100}",
        is_address=True,
    )


def _photo_name(data: Any) -> str | None:
    """The address of the picture among the data of a task."""
    if not isinstance(data, dict):
        return None
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    known = next((texts[key] for key in PHOTO_KEYS if key in texts), None)
    return known or next((value for value in texts.values() if _is_picture(value)), None)


def _no_picture(data: Any, where: str) -> tuple[str, str, str]:
    """What is told of a task whose data hold no address of one picture."""
    if not isinstance(data, dict):
        return "left out: tasks without a picture", where, f"data is a {type(data).__name__}"
    lists = (value for value in data.values() if isinstance(value, list))
    if any(isinstance(one, str) and _is_picture(one) for some in lists for one in some):
        return "left out: tasks with several pictures; make a task of each photo", where, ""
    return "left out: tasks without a picture", where, f"keys {', '.join(map(str, data))[:80]}"


def _is_picture(text: str) -> bool:
    path = text.partition("?d=")[2] or text.partition("?")[0]
    return PurePosixPath(path).suffix.lower() in image_suffixes()


def _counting(
    source: AnnotationSource, task: dict[str, Any], where: str
) -> tuple[dict[str, Any] | None, SaidBy]:
    """The annotation that counts, and who said it."""
    found = task.get("annotations") or task.get("completions") or []
    rows = [one for one in _list(found) if isinstance(one, dict)]
    if not isinstance(found, list) or len(rows) < len(found):
        source.told.say(DAMAGED, where, f"annotations that are none: {found!r:.80}")
    kept = [one for one in rows if not one.get("was_cancelled")]
    if not kept:
        suggestions = [one for one in _list(task.get("predictions")) if isinstance(one, dict)]
        return None, "nobody" if rows or not suggestions else "model"
    if len(kept) > 1:
        source.told.say("tasks with several annotations: the ground truth counts, else the last", where)
    kept.sort(
        key=lambda one: (
            bool(one.get("ground_truth")),
            str(one.get("updated_at") or one.get("created_at") or ""),
        )
    )
    return kept[-1], "person"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# --- JSON-MIN -------------------------------------------------------------------------------------------------------


def _flat_task(source: AnnotationSource, task: dict[str, Any], number: int) -> MarkedPhoto | None:
    where = f"task {task.get('id', number)}"
    name = _photo_name({key: value for key, value in task.items() if key not in MIN_KEYS})
    if name is None:
        source.told.say(*_no_picture(task, where))
        return None
    results = [
        row
        for key, value in task.items()
        if key not in MIN_KEYS and value != name
        for row in _flat_results(key, value)
    ]
    found = read_results(source, results, name)
    return MarkedPhoto(name=name, size=found.size, regions=found.regions, tags=found.tags, is_address=True)


def _flat_results(key: str, value: Any) -> Iterator[dict[str, Any]]:
    """What JSON-MIN has flattened, as results again; a text by itself is the one choice that was made."""
    if isinstance(value, str):
        yield {"type": "choices", "from_name": key, "value": {"choices": [value]}}
    elif isinstance(value, dict) and "choices" in value:
        yield {"type": "choices", "from_name": key, "value": value}
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict) and any(keys <= one.keys() for keys in SHAPE_KEYS.values()):
                kind = next((name for name in one if name.endswith("labels")), "region")
                sides = {
                    side: one.get(side) for side in ("original_width", "original_height", "image_rotation")
                }
                yield {"type": kind, "from_name": key, "value": one, **sides}


def looks_like(path: Path) -> bool:
    """See ``ReaderEntry``."""
    if not path.is_file():
        return False
    try:
        first: Any = next(iter(json_items(path)), {})
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(first, dict) and "segmentation" not in first


READERS.add(
    "label-studio",
    ReaderEntry(summary="Label Studio's JSON or JSON-MIN", looks_like=looks_like, read=read),
)
