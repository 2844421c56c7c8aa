"""``tagalign.load(NAME, method="clip-cls")`` and ``"clip-cls-logits"``: one class, two ways to score."""

from tagalign.methods.class_token.method import ClassToken
from tagalign.methods.class_token.options import ClassTokenOptions
from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources


def build(opened: Opened, options: ClassTokenOptions, resources: Resources) -> ClassToken:
    """The tagger of an encoder."""
    return ClassToken(opened.backbone(), options, method=opened.method, resources=resources)
