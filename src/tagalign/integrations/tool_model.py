"""A model that was opened once for another tool's labels, and its answers about one photo at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from tagalign.backbones.models import resolve_auto
from tagalign.integrations.label_names import SEPARATOR, ToolLabels
from tagalign.labels import BACKGROUND
from tagalign.methods.options import option_names, split_assignments
from tagalign.methods.request import trained_type
from tagalign.methods.table import DEFAULTS, find_method
from tagalign.tasks.model import Model, load
from tagalign.types import EncodedLabels, Segmentation, Tagging


@dataclass(frozen=True, kw_only=True, eq=False)
class ToolModel:
    """A model, labels that it encoded, and how their masks are asked for.

    Attributes:
        model: that answers.
        asked: the labels, and their names in the tool.
        labels: encoded.
        phrases: each label is a phrase that is looked for by itself, so masks may lie over each other; else the labels
            share the pixels.
    """

    model: Model
    asked: ToolLabels
    labels: EncodedLabels
    phrases: bool = False

    def asking(self, asked: ToolLabels) -> "ToolModel":
        """The same model with other labels."""
        return replace(self, asked=asked, labels=self.model.encode_labels(asked.labels))

    def tagging(self, encoded: Any) -> Tagging:
        """Scores of all labels."""
        return self.model.tag(encoded, self.labels)

    def segmentation(self, encoded: Any, photo: Image.Image) -> Segmentation:
        """The label of each pixel."""
        return self.model.segment(encoded, self.labels, photo=photo)

    def segmentations(self, encoded: Any, photo: Image.Image) -> Iterator[Segmentation]:
        """One label map, or one for each phrase."""
        if not self.phrases:
            yield self.segmentation(encoded, photo)
            return
        for name in self.asked.labels.names:
            found = self.model.refer(encoded, name)
            yield Segmentation(labels=found.mask.long(), names=(BACKGROUND, name), scores=found.heat)

    def chosen(self, tagging: Tagging, threshold: float | None) -> list[tuple[str, float]]:
        """Tags by the tool's names with their scores, best first.

        Args:
            tagging: scores of all labels.
            threshold: those of at least this score; None leaves the choice to the method.
        """
        if threshold is None:
            ids = list(tagging.chosen)
        else:
            ids = [i for i, score in enumerate(tagging.scores) if score >= threshold]
        best: dict[str, float] = {}
        for i in sorted(ids, key=lambda i: -tagging.scores[i]):
            their = self.asked.shown.get(tagging.names[i])
            if their is not None:
                best.setdefault(their, tagging.scores[i])
        return list(best.items())


def open_tool_model(
    model: str,
    asked: ToolLabels,
    *,
    method: str = "",
    background: bool | None = None,
    options: str = "",
    device: str = "auto",
    phrases: bool = False,
) -> ToolModel:
    """Open a model and encode the labels.

    Args:
        model: name for ``tagalign.load``.
        asked: the labels.
        method: of ``tagalign methods``; empty for the default of each verb.
        background: whether pixels that no label is sure of are left without one; None where the method can. A first mask
            that covers the whole photo is no help to an annotator.
        options: of the method: ``name=value``, with ``|`` between several.
        device: ``auto``, ``cpu`` or ``cuda``.
        phrases: see ``ToolModel``.

    Raises:
        TagalignError: for what ``tagalign.load`` refuses.
    """
    given = dict[str, Any](
        split_assignments([one.strip() for one in options.split(SEPARATOR) if one.strip()], "options")
    )
    name = resolve_auto(model)
    if background is None:
        segmenter = method or trained_type(name) or DEFAULTS["segment"]
        background = not phrases and "background_rule" in option_names(find_method(segmenter).options)
    if background:
        given.setdefault("background_rule", True)
    opened = load(name, method=method or None, device=device, **given)
    return ToolModel(model=opened, asked=asked, labels=opened.encode_labels(asked.labels), phrases=phrases)
