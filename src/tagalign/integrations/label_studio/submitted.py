"""What people submitted in Label Studio, as clicks of a review: which of the asked labels are in the photo."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tagalign.errors import InputError
from tagalign.integrations.label_studio.config import ControlTag, LabellingConfig
from tagalign.integrations.label_studio.places import LocalPhoto, WebPhoto
from tagalign.integrations.label_studio.words import ConfigWords
from tagalign.tasks.photos.keys import key_of
from tagalign.tasks.review.clicks import Click

HOLDS = ("choices", "brushlabels", "polygonlabels", "rectanglelabels", "labels")
"""Keys of a result's value that hold labels."""


def click_of(
    annotation: Mapping[str, Any],
    photo: LocalPhoto | WebPhoto,
    image: str,
    config: LabellingConfig,
    words: ConfigWords,
) -> Click:
    """An annotation as a click: a label is in the photo where a choice or a shape has it.

    Labels are named as the model is asked for them. A task that a person skipped is skipped here too.

    Args:
        annotation: as Label Studio sends it.
        photo: of its task.
        image: name of its image tag.
        config: of its project.
        words: the saved mapping.

    Raises:
        InputError: if the annotation has no list of results.
    """
    results = annotation.get("result")
    if not isinstance(results, list):
        raise InputError(f"annotation.result: expected a list, got {type(results).__name__}")
    names = asked_names(config.of_image(image), words)
    own = [one for one in results if isinstance(one, Mapping) and one.get("to_name", image) == image]
    given = annotation.get("prediction")
    before = given.get("result") if isinstance(given, Mapping) else None
    return Click(
        photo=key_of(photo.path if isinstance(photo, LocalPhoto) else photo.address),
        folder=key_of(str(photo.folder)) if isinstance(photo, LocalPhoto) else "",
        verdict="skipped" if annotation.get("was_cancelled") is True else "accepted",
        size=_size(own),
        labels=tuple(dict.fromkeys(names.values())),
        given=_tags(before if isinstance(before, list) else [], names),
        tags=_tags(own, names),
        source=source_of(annotation.get("id")),
    )


def asked_names(controls: Sequence[ControlTag], words: ConfigWords) -> dict[str, str]:
    """What the model is asked, by the label that results hold."""
    asked = [words.asked(control.labels) for control in controls]
    return {value: name for one in asked for value, name in zip(one.values, one.names, strict=True)}


def source_of(identifier: Any) -> str:
    """How a click names the annotation it came from."""
    return f"label-studio:{identifier!s:.100}"


def _tags(results: Sequence[Any], names: Mapping[str, str]) -> tuple[str, ...]:
    found = (names[label] for one in results for label in _labels(one) if label in names)
    return tuple(dict.fromkeys(found))


def _labels(result: Any) -> Iterator[str]:
    value = result.get("value") if isinstance(result, Mapping) else None
    for key in HOLDS:
        held = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(held, list):
            yield from (label for label in held if isinstance(label, str))


def _size(results: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Of the photo as the annotator saw it; (0, 0) where no result says it."""
    for one in results:
        height, width = one.get("original_height"), one.get("original_width")
        if isinstance(height, int) and isinstance(width, int):
            return height, width
    return 0, 0
