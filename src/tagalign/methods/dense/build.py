"""``tagalign.load(NAME, method=MODE)`` for the dense modes of an encoder."""

from tagalign.methods.dense.feedback import FeedbackMethod, wants_feedback
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions
from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources


def build(opened: Opened, options: DenseOptions, resources: Resources) -> DenseMethod:
    """The dense mode whose name is the method's."""
    name = opened.method
    kind = FeedbackMethod if wants_feedback(name, options) else DenseMethod
    return kind(opened.backbone(), options, method=name, mode=name, resources=resources)
