"""Named evaluation protocols: how images are cut, which prompts and words are used, as the papers do it.

A protocol ends here: methods get its options as plain arguments, benchmarks its words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tagalign.labels import LabelSet
from tagalign.registry import find_entry
from tagalign.tags.label_sets import background_words, benchmark_labels, label_set_names, template_set


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """One way to evaluate.

    Attributes:
        name: in ``--protocol``.
        summary: in one sentence.
        reference: who evaluates like this.
        options: arguments of ``tagalign.load``.
        options_for: further arguments for single benchmarks.
        templates: name of the template set for each benchmark; ``""`` is for all others. Missing: the method's own.
        background: name of the background words for each benchmark, likewise.
        wording: ``plain``, ``clean`` or ``aliases``.
        presets: the preset of single benchmarks, for methods that have presets; others are asked without.
    """

    name: str
    summary: str
    reference: str
    options: Mapping[str, Any] = field(default_factory=dict)
    options_for: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    background: Mapping[str, str] = field(default_factory=dict)
    wording: str = "plain"
    presets: Mapping[str, str] = field(default_factory=dict)

    def method_options(self, benchmark: str) -> dict[str, Any]:
        """Arguments of ``tagalign.load`` for one benchmark."""
        return {**self.options, **self.options_for.get(benchmark, {})}

    def words(self, own: LabelSet, benchmark: str, *, wording: str | None = None) -> LabelSet:
        """The benchmark's labels with this protocol's wording, templates and background words.

        Args:
            own: the benchmark's own labels.
            benchmark: its name.
            wording: replaces the protocol's.
        """
        wording = wording or self.wording
        labels = own
        if own.name in label_set_names() and wording != "plain":
            labels = benchmark_labels(own.name, wording)
        elif wording != "aliases":  # a set that is no file of the package: the tiny world, OpenImages
            labels = replace(own, labels=tuple(replace(label, aliases=()) for label in own.labels))
        if name := self.templates.get(benchmark, self.templates.get("")):
            labels = replace(labels, templates=template_set(name))
        if name := self.background.get(benchmark, self.background.get("")):
            labels = replace(labels, background=background_words(name))
        return labels


_VOC_LIKE = {name: "voc" for name in ("voc21", "voc20", "voc2007-tags", "voc2007-tags-all", "voc2012-tags")}
_COCO_LIKE = {"coco-object": "coco", "coco2014-tags": "coco", "coco2017-tags": "coco"}

PROTOCOLS: dict[str, EvaluationProtocol] = {
    protocol.name: protocol
    for protocol in (
        EvaluationProtocol(
            name="plain",
            summary="the method's own sizes, windows and prompts, official names",
            reference="ours; what --protocol leaves out",
        ),
        EvaluationProtocol(
            name="groupvit-448",
            summary="short side 448, windows of 448 at stride 224, official names, the method's own prompt",
            reference="GroupViT, TCL and TagAlign (its paper takes the whole image, its release the windows)",
            options={"short_side": 448, "window": 448, "stride": 224},
        ),
        EvaluationProtocol(
            name="sclip-336",
            summary="short side 336 (560 for Cityscapes), windows of 224 at stride 112, 80 prompts, readable names",
            reference="SCLIP; its own name files are not copied, so numbers are near its protocol, not equal",
            options={"short_side": 336, "window": 224, "stride": 112},
            options_for={"cityscapes": {"short_side": 560}},
            templates={"": "80"},
            wording="clean",
        ),
        EvaluationProtocol(
            name="clip-es",
            summary="images at their own size, background words of CLIP-ES, official names",
            reference="CLIP-ES and TagCLIP (local to global), for the methods tagclip and cls-seg",
            background=_VOC_LIKE | _COCO_LIKE,
            presets={"voc21": "voc", "coco-object": "coco", "coco-stuff-27": "coco-stuff"},
        ),
        EvaluationProtocol(
            name="zegclip-512",
            summary="short side 512, windows of 512 at stride 426; one prompt for VOC, 15 for the others",
            reference="ZegCLIP and TagCLIP with a trusty token",
            options={"short_side": 512, "window": 512, "stride": 426},
            templates={"voc20": "1", "": "15"},
        ),
    )
}
"""All protocols by name."""


def find_protocol(name: str) -> EvaluationProtocol:
    """A protocol by name.

    Raises:
        UnknownNameError: listing the known ones.
    """
    return find_entry("protocol", name, PROTOCOLS)
