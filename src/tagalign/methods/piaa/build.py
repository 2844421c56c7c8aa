"""``tagalign.load(NAME, method="piaa", look=LOOK)``."""

from tagalign.methods.opened import Opened
from tagalign.methods.piaa.method import Piaa
from tagalign.methods.piaa.options import PiaaOptions
from tagalign.methods.resources import Resources


def build(opened: Opened, options: PiaaOptions, resources: Resources) -> Piaa:
    """On the encoder of the model."""
    return Piaa(opened.backbone(), options, resources=resources)
