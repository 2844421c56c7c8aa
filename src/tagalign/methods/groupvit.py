"""GroupViT as a method: its groups of patches through the code of all dense methods."""

from tagalign.backbones.groupvit.names import MODE, MODEL_TYPE
from tagalign.backbones.load import open_backbone
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions
from tagalign.methods.opened import Opened
from tagalign.methods.resources import Resources

METHOD = "groupvit"


def build(opened: Opened, options: DenseOptions, resources: Resources) -> DenseMethod:
    """GroupViT as tagger, segmenter and referrer; ``ta.load(NAME)``.

    Raises:
        MissingPartError: for a model of another family.
    """
    if opened.trained != MODEL_TYPE:
        raise opened.missing_part()
    opened.refuse_encoder_choices()
    backbone = open_backbone(opened.name, device=opened.device, allow_pickle=opened.allow_pickle)
    return DenseMethod(backbone, options, method=METHOD, mode=MODE, resources=resources)
