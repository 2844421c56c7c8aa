"""A project's labelling config: which questions it puts to a photo, and under which names it wants the answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from tagalign.errors import InputError, MissingExtraError
from tagalign.integrations.label_studio.task_values import task_value
from tagalign.tags.same_label import split_names, tidy_name

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_LETTERS = 1_000_000
"""Of a config; 20,000 labels fit."""

ControlTagKind = Literal[
    "choices", "brushlabels", "polygonlabels", "rectanglelabels", "brush", "polygon", "rectangle", "labels", "textarea"
]  # fmt: skip
"""Tags of the config that are answered, in small letters, as results name them."""
KINDS: tuple[ControlTagKind, ...] = get_args(ControlTagKind)
WITH_LABELS: tuple[ControlTagKind, ...] = ("choices", "brushlabels", "polygonlabels", "rectanglelabels")
BARE: tuple[ControlTagKind, ...] = ("brush", "polygon", "rectangle")
"""Shapes whose label is a result of its own, of a ``Labels`` tag beside them."""


@dataclass(frozen=True, kw_only=True)
class ConfigLabel:
    """One label or choice.

    Attributes:
        value: what results hold: the alias where the config gives one, as in Label Studio.
        shown: what people read.
        synonyms: other words for it, from ``predicted_values``, as other backends of Label Studio read it.
    """

    value: str
    shown: str
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ControlTag:
    """One tag that is answered.

    Attributes:
        name: of the tag; results say it as ``from_name``.
        kind: of the tag.
        image: name of the image tag that it belongs to; results say it as ``to_name``.
        labels: of the tag, in order; none of shapes without labels and of texts.
        one: whether only one choice may be made.
        field: of a text: the key of the task whose value it shows; empty where people type it.
        labels_from: key of the task that lists more labels; empty where the config has all.
    """

    name: str
    kind: ControlTagKind
    image: str
    labels: tuple[ConfigLabel, ...] = ()
    one: bool = False
    field: str = ""
    labels_from: str = ""


@dataclass(frozen=True, kw_only=True)
class LabellingConfig:
    """What a config asks of photos.

    Attributes:
        controls: that can be answered, in order.
        images: key of the task that holds the address of the photo, by the name of the image tag.
        lists: names of image tags that show several photos of a task, which are not answered.
    """

    controls: tuple[ControlTag, ...]
    images: Mapping[str, str]
    lists: tuple[str, ...] = ()

    def of_image(self, image: str) -> tuple[ControlTag, ...]:
        """The controls of one image tag."""
        return tuple(control for control in self.controls if control.image == image)

    def for_task(self, data: Mapping[str, Any]) -> "LabellingConfig":
        """The same with the labels that a task brings for itself (``value="$labels"``).

        Raises:
            InputError: if what stands there is no list of labels.
        """
        if not any(control.labels_from for control in self.controls):
            return self
        filled = (_filled(control, data) for control in self.controls)
        kept = tuple(one for one in filled if one.labels or one.kind not in WITH_LABELS)
        return replace(self, controls=kept)


def read_config(text: str) -> LabellingConfig:
    """Read the XML of a labelling config.

    Tags that ask for something else (points, ellipses, relations, questions about single regions) are passed over.

    Raises:
        InputError: for a text that is no XML, declares entities or a document type, or is larger than a config can be.
        MissingExtraError: without the parser of the ``serve`` extra.
    """
    if len(text) > MOST_LETTERS:
        raise InputError(
            f"labelling config: at most {MOST_LETTERS:,} characters are read, got {len(text):,}; give it fewer labels"
        )
    root = _parsed(text)
    images = {
        element.get("name", ""): _key(element.get("value", ""))
        for element in root.iter()
        if _kind(element) == "image" and element.get("name")
    }
    lists = [one.get("name", "") for one in root.iter() if _kind(one) == "image" and one.get("valueList")]
    labels = _labels_by_control(root)
    controls = (_control(element, images, labels.get(id(element), ())) for element in root.iter())
    return LabellingConfig(controls=tuple(filter(None, controls)), images=images, lists=tuple(lists))


def _parsed(text: str) -> "Element":
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import ParseError, fromstring
    except ImportError as error:
        raise MissingExtraError("reading labelling configs", str(error.name), "serve") from error
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise InputError(f"labelling config: expected XML without entities, got {reason}") from None
    return root


def _kind(element: "Element") -> str:
    return str(element.tag).lower()


def _key(value: str) -> str:
    """``image`` of ``$image``; an address that stands in the config itself is no key."""
    return value[1:] if value.startswith("$") else ""


def _control(
    element: "Element", images: Mapping[str, str], labels: tuple[ConfigLabel, ...]
) -> ControlTag | None:
    """The tag as a control; None where it asks for nothing that is answered."""
    kind = next((kind for kind in KINDS if kind == _kind(element)), None)
    image = next((one for one in element.get("toName", "").split(",") if images.get(one)), "")
    if kind is None or not image or not element.get("name") or element.get("perRegion") == "true":
        return None
    labels_from = _key(element.get("value", "")) if kind in (*WITH_LABELS, "labels") else ""
    if kind in WITH_LABELS and not labels and not labels_from:
        return None
    return ControlTag(
        name=element.get("name", ""),
        kind=kind,
        image=image,
        labels=labels,
        # Label Studio's own default
        one=kind == "choices" and element.get("choice", "single") != "multiple",
        field=_key(element.get("value", "")) if kind == "textarea" else "",
        labels_from=labels_from,
    )


def _labels_by_control(root: "Element") -> dict[int, tuple[ConfigLabel, ...]]:
    """Labels by the identity of the tag they stand in, at any depth, in order; without recursion, as files may be deep."""
    found: dict[int, list[ConfigLabel]] = {}
    waiting: list[tuple[Element, Element | None]] = [(root, None)]
    while waiting:
        element, owner = waiting.pop()
        if _kind(element) in KINDS:
            owner = element
        if owner is not None and _kind(element) in ("label", "choice"):
            found.setdefault(id(owner), []).extend(_label(element))
        waiting += [(child, owner) for child in reversed(element)]
    return {owner: tuple({one.value: one for one in some}.values()) for owner, some in found.items()}


def _label(element: "Element | Mapping[str, str]") -> Iterator[ConfigLabel]:
    shown, alias = element.get("value", ""), element.get("alias", "")
    if not tidy_name(shown or alias):
        return
    words = split_names(element.get("predicted_values", ""))
    yield ConfigLabel(value=alias or shown, shown=shown or alias, synonyms=tuple(filter(None, words)))


# --- labels of a task -----------------------------------------------------------------------------------------------


def _filled(control: ControlTag, data: Mapping[str, Any]) -> ControlTag:
    """A control with the labels of the task behind those of the config, as Label Studio shows them."""
    if not control.labels_from:
        return control
    value = task_value(data, control.labels_from)
    if not isinstance(value, list):
        raise InputError(
            f"data.{control.labels_from}: expected the list of labels of {control.name!r}, got {value!r:.100}"
        )
    found = {one.value: one for one in (*control.labels, *_task_labels(value, control.labels_from))}
    return replace(control, labels=tuple(found.values()))


def _task_labels(rows: list[Any], key: str) -> Iterator[ConfigLabel]:
    """Texts, or objects with what a label of the config has as attributes; choices may stand below choices."""
    waiting = list(reversed(rows))
    while waiting:
        row = waiting.pop()
        values = {"value": row} if isinstance(row, str) else row
        if not isinstance(values, Mapping):
            raise InputError(
                f'data.{key}: expected labels such as "dog" or {{"value": "dog"}}, got {row!r:.100}'
            )
        yield from _label({name: value for name, value in values.items() if isinstance(value, str)})
        below = values.get("children")
        waiting += reversed(below) if isinstance(below, list) else []
