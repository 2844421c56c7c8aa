"""``tagalign.load(NAME, method="tagclip")``."""

from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.options import TagClipOptions


def build(opened: Opened, options: TagClipOptions, resources: Resources) -> TagClip:
    """The tagger of an encoder."""
    return TagClip(opened.backbone(), options, resources=resources)
