"""Does a text belong to an image? Two towers for a first answer, cross-attention for the second.

Never released; built from the paper (section 3.3, appendix A) and ALBEF, which it cites.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import BlipTextLMHeadModel, BlipTextModel

from tagalign.errors import InputError
from tagalign.methods.tag2text.text_layers import encode_text
from tagalign.ops.losses import inverse_temperature

EMBED_DIM = 256  # of the joint space: ALBEF, arXiv:2107.07651, image-text contrastive learning
TEMPERATURE = 0.07  # where learning starts; same place

Ids = Int[Tensor, "batch tokens"]
Mask = Bool[Tensor, "batch tokens"]
PairedTokens = Float[Tensor, "images image_tokens image_width"]


class AlignmentEncoder(nn.Module):
    """Text encoder whose cross-attention **is** the caption decoder's (paper, appendix A.1).

    The decoder attends to tag states of the text width; the image may be wider, so the image tokens pass a linear
    bridge first (the identity when the widths agree). The paper says nothing about that seam.

    Attributes:
        text: the encoder; ``text.encoder.layer[i].crossattention`` is the decoder's module.
        bridge: image width to text width.
        image_projection: global image token to the joint space.
        text_projection: first text token to the joint space.
        match: text width to (no match, match).
        log_scale: logarithm of the inverse temperature.
    """

    def __init__(
        self,
        text: BlipTextModel,
        decoder: BlipTextLMHeadModel,
        *,
        image_width: int,
        embed_dim: int = EMBED_DIM,
    ) -> None:
        super().__init__()
        width = text.config.hidden_size
        layers, shared = text.encoder.layer, decoder.bert.encoder.layer
        if len(layers) != len(shared):
            raise InputError(
                f"the alignment encoder has {len(layers)} layers and the decoder {len(shared)}; "
                "they share cross-attention and need equally many"
            )
        for own, other in zip(layers, shared, strict=True):
            own.crossattention = other.crossattention
        self.text = text
        self.bridge = nn.Identity() if image_width == width else nn.Linear(image_width, width)
        self.image_projection = nn.Linear(image_width, embed_dim)
        self.text_projection = nn.Linear(width, embed_dim)
        self.match = nn.Linear(width, 2)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / TEMPERATURE)))

    @property
    def logit_scale(self) -> Float[Tensor, ""]:
        """Inverse temperature, at most 100."""
        return inverse_temperature(self.log_scale)

    def embed_images(self, image_tokens: PairedTokens) -> Float[Tensor, "images dim"]:
        """Unit-length embeddings from the global token."""
        return F.normalize(self.image_projection(image_tokens[:, 0]), dim=-1)

    def embed_texts(self, ids: Ids, mask: Mask) -> Float[Tensor, "batch dim"]:
        """Unit-length embeddings of texts alone; first token ``[CLS]``."""
        return F.normalize(self.text_projection(encode_text(self.text, ids, mask)[:, 0]), dim=-1)

    def match_logits(
        self,
        ids: Ids,
        mask: Mask,
        image_tokens: PairedTokens,
        image_rows: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch 2"]:
        """(no match, match) of each text with its image; first token ``[ENC]``; ``image_rows`` as in ``encode_text``."""
        states = encode_text(self.text, ids, mask, self.bridge(image_tokens), image_rows=image_rows)
        return self.match(states[:, 0])
