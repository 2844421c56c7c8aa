"""``tagalign.load(NAME, method="cls-seg")``."""

from tagalign.methods.cls_seg.method import ClsSeg
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources


def build(opened: Opened, options: ClsSegOptions, resources: Resources) -> ClsSeg:
    """Tagger and segmenter of an encoder."""
    return ClsSeg(opened.backbone(), options, resources=resources)
