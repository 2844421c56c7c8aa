"""A detection function of CVAT: labels that it knows, and a photo to annotations."""

import logging
import typing
from dataclasses import dataclass, field
from typing import Any, get_args

from PIL import Image

from tagalign.backbones.preprocess import open_image
from tagalign.errors import ImageError, InputError
from tagalign.integrations.cvat.shapes import LABEL_TYPES, AnnotationForm, sdk, shapes_of, tags_of
from tagalign.integrations.label_names import asked_labels, assignments, checked_threshold, their_names
from tagalign.integrations.tool_model import ToolModel, open_tool_model

LONGEST_NAME = 64
"""Of a label, by CVAT's own rule."""
FORMS: tuple[AnnotationForm, ...] = get_args(AnnotationForm)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class CvatFunction:
    """What ``cvat-cli`` and its agents call; see ``cvat_sdk.auto_annotation.DetectionFunction``.

    Every parameter has a type that ``-p NAME=TYPE:VALUE`` can say.

    Attributes:
        labels: what is asked: names between commas, a ``.txt`` or ``.json`` file, a benchmark's list, or labels with words
            of their own between ``|``: ``dog: puppy; not wolf | traffic light``. Empty asks the names of ``task_labels``.
        model: a name for ``tagalign.load``: ``auto``, a folder, an id of the hub.
        method: of ``tagalign methods``; empty for the default of each verb.
        shapes: ``tags``, ``rectangles``, ``polygons``, ``masks``, or several with commas between.
        task_labels: names of the task's labels between commas or ``|``, or a ``.json`` with what the "Raw" page of the task
            shows. Labels are matched with them by name, then by their other words, and come out as the task spells them;
            one that matches none competes and never comes out.
        names: ``label=name in the task``, with ``|`` between several, where neither is the other's name or word.
        background: pixels that no label is sure of stay free; by default where the method can.
        phrases: look for each label by itself, as for a phrase; masks may lie over each other.
        split: a shape per connected part, else one per label.
        min_area: smaller shapes are left out, in pixels.
        options: of the method, ``name=value`` with ``|`` between several.
        device: ``auto``, ``cpu`` or ``cuda``.
        spec: the labels as the task names them; of one type where one form is asked for.
        opened: the model and the labels.

    Raises:
        MissingExtraError: without cvat-sdk.
        InputError: for a value that cannot be used.
    """

    labels: str = ""
    model: str = "auto"
    method: str = ""
    shapes: str = "masks"
    task_labels: str = ""
    names: str = ""
    background: bool | None = None
    phrases: bool = False
    split: bool = True
    min_area: int = 0
    options: str = ""
    device: str = "auto"
    spec: Any = field(init=False, repr=False)
    opened: ToolModel = field(init=False, repr=False)
    _forms: tuple[AnnotationForm, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        forms = read_forms(self.shapes)
        if self.min_area < 0:
            raise InputError(f"min_area: expected pixels from 0, got {self.min_area}")
        asked = asked_labels(
            self.labels, theirs=their_names(self.task_labels), renamed=assignments(self.names)
        )
        if not asked.names:
            raise InputError("every label is called 'background', which is no annotation; give another")
        # before a model is fetched: CVAT may refuse the labels, or not be installed
        one = {"type": LABEL_TYPES[forms[0]]} if len(forms) == 1 else {}
        if long := next((name for name in asked.names if len(name) > LONGEST_NAME), None):
            raise InputError(
                f"labels: CVAT takes names of at most {LONGEST_NAME} letters, got {long[:80]!r}..."
            )
        rows = [sdk().label_spec(name, number, **one) for number, name in enumerate(asked.names)]
        object.__setattr__(self, "spec", sdk().DetectionFunctionSpec(labels=rows))
        opened = open_tool_model(
            self.model,
            asked,
            method=self.method,
            background=self.background,
            options=self.options,
            device=self.device,
            phrases=self.phrases,
        )
        object.__setattr__(self, "opened", opened)
        object.__setattr__(self, "_forms", forms)

    def detect(self, context: Any, image: Image.Image) -> list[Any]:
        """Annotations of one photo.

        A photo that cannot be read has none, and a line in the log: CVAT takes the answers of a task when the last one is
        there, and one damaged photo must not cost them all.

        Args:
            context: name of the frame, ``conf_threshold`` (None leaves tags to the method, and keeps all shapes), and
                whether masks are wanted as polygons.
            image: of the frame.

        Raises:
            InputError: for a ``conf_threshold`` that is no number.
        """
        threshold = checked_threshold("conf_threshold", context.conf_threshold)
        try:
            photo = open_image(image)
            encoded = self.opened.model.encode_image(photo)
        except ImageError as error:
            logger.warning("%s: no annotations, the photo cannot be read (%s)", context.frame_name, error)
            return []
        found: list[Any] = []
        if "tags" in self._forms:
            ids = {name: number for number, name in enumerate(self.opened.asked.names)}
            found += tags_of(self.opened.chosen(self.opened.tagging(encoded), threshold), ids)
        if drawn := self._drawn(as_polygons=context.conv_mask_to_poly):
            for segmentation in self.opened.segmentations(encoded, photo):
                for form in drawn:
                    found += shapes_of(
                        segmentation,
                        form,
                        self.opened.asked.numbers,
                        threshold=threshold,
                        split=self.split,
                        min_area=self.min_area,
                    )
        return found

    def _drawn(self, *, as_polygons: bool) -> tuple[AnnotationForm, ...]:
        """The forms of shapes, each once."""
        wanted = ("polygons" if as_polygons and form == "masks" else form for form in self._forms)
        return tuple(dict.fromkeys(form for form in wanted if form != "tags"))


def read_forms(text: str) -> tuple[AnnotationForm, ...]:
    """The annotations that are asked for: ``masks``, or several with commas between.

    Raises:
        InputError: for an unknown one, or none.
    """
    words = dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip())
    if not words or not words.keys() <= set(FORMS):
        raise InputError(f"shapes: expected {', '.join(FORMS)}, or several with commas between, got {text!r}")
    return typing.cast("tuple[AnnotationForm, ...]", tuple(words))
