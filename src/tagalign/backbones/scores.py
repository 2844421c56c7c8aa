"""How well whole images and texts fit together, by an encoder's own scale and bias."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.protocols import Backbone


def image_text_logits(
    backbone: Backbone, images: Float[Tensor, "images dim"], texts: Float[Tensor, "texts dim"]
) -> Float[Tensor, "images texts"]:
    """``logit_scale * cos + logit_bias`` of every image with every text; embeddings of any norm."""
    cosine = F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    return backbone.logit_scale * cosine + backbone.logit_bias


def image_text_probs(
    backbone: Backbone, images: Float[Tensor, "images dim"], texts: Float[Tensor, "texts dim"]
) -> Float[Tensor, "images texts"]:
    """Probability of each text for each image, in [0, 1].

    An encoder with a bias was trained pair by pair: a sigmoid, and the texts of an image do not compete. The others were
    trained on batches: a softmax over the texts.
    """
    logits = image_text_logits(backbone, images, texts)
    return logits.sigmoid() if backbone.logit_bias else logits.softmax(dim=-1)
