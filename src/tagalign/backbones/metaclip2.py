"""MetaCLIP 2: CLIP's towers with XLM-V's 901,629 tokens, so that labels can be words of any language.

Its end id is 2, a real end token: the text is read at the first of them. OpenAI's legacy rule, for which 2 means "the
highest id of the prompt", must not touch it.
"""

from collections.abc import Mapping
from typing import Any

from tagalign.backbones.clip import NAMES, text_shape, vision_shape
from tagalign.backbones.family import TowerFamily, same_rule
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.text import TextRule
from tagalign.backbones.towers.shapes import TextShape, VisionShape


def shapes(config: Mapping[str, Any]) -> tuple[VisionShape, TextShape]:
    """Both towers.

    Raises:
        ModelError: for a value that is no size.
    """
    text = text_shape(config, highest=None)
    return vision_shape(config, dim=text.dim), text


FAMILY = TowerFamily(
    model_type="metaclip_2",
    title="MetaCLIP 2",
    shapes=shapes,
    names=NAMES,
    text_rule=same_rule(TextRule(start="<s>", end="</s>")),
    pixels=Preprocessing(image_size=224),
)
