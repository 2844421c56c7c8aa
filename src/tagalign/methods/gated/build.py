"""``tagalign.load(NAME, method="gated")``: a tagger and a dense method that share one encoder."""

from typing import Any

from tagalign.errors import InputError
from tagalign.methods.gated.method import Gated
from tagalign.methods.gated.options import GatedOptions
from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.method import TagClip


def build(opened: Opened, options: GatedOptions, resources: Resources) -> Gated:
    """The gated method of a model.

    Raises:
        InputError: for a segmenter that is none, or an option that it does not have.
    """
    wanted = options.segmenter_name or opened.trained or opened.segmenters[0]
    if wanted not in opened.segmenters:
        raise InputError(f"segmenter {wanted!r} cannot be gated; use one of {', '.join(opened.segmenters)}")
    dense: Any = opened.build_other(opened.as_method(wanted), options.dense_values(), resources)
    tagger = TagClip(dense.backbone, options.tagger(), resources=resources)
    return Gated(tagger, dense, gate=options.gate, sharpness=options.sharpness, given=options)
