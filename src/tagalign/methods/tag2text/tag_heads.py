"""From image tokens to one logit per tag: the recognition decoder (own layers or the tag encoder's), or one linear layer.

Paper, section 3.3 and Table 11: "full connection", "recognition decoder", "recognition decoder (layer shared)".
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import BlipTextConfig, BlipTextModel

from tagalign.methods.tag2text.text_layers import blip_layers, recognise

RECOGNITION_LAYERS = 2
RECOGNITION_HEADS = 4  # the release runs the shared matrices with 4 heads here and with 12 in the tag encoder

ImageTokens = Float[Tensor, "batch image_tokens image_width"]
TagLogits = Float[Tensor, "batch tags"]


class GroupWiseLinear(nn.Module):
    """A row of weights and a bias per tag: ``logit_k = W_k . state_k + b_k``; names and shapes of the release.

    Attributes:
        W: ``(1, tags, width)``.
        b: ``(1, tags)``.
    """

    def __init__(self, num_tags: int, width: int) -> None:
        super().__init__()
        bound = width**-0.5
        self.W = nn.Parameter(torch.empty(1, num_tags, width).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.empty(1, num_tags).uniform_(-bound, bound))

    def forward(self, states: Float[Tensor, "batch tags width"]) -> TagLogits:
        """Logits of all tags."""
        return (self.W * states).sum(dim=-1) + self.b


class RecognitionHead(nn.Module):
    """Learned queries, one per tag, attend to the image in the first layers of the tag encoder or in layers of their own.

    Attributes:
        label_embed: queries.
        fc: group-wise classifier.
        layers: own layers (without self-attention), or None when the tag encoder's are used.
        num_heads: of the attention here; the same matrices may run with another count in the tag encoder.
    """

    def __init__(
        self,
        *,
        num_tags: int,
        width: int,
        num_heads: int = RECOGNITION_HEADS,
        num_layers: int = RECOGNITION_LAYERS,
        own_layers: BlipTextConfig | None = None,
    ) -> None:
        super().__init__()
        self.label_embed = nn.Embedding(num_tags, width)
        self.fc = GroupWiseLinear(num_tags, width)
        self.num_heads = num_heads
        self.num_layers = num_layers
        self.layers = None if own_layers is None else _own_layers(own_layers, num_layers)

    def states(
        self, image_tokens: ImageTokens, tag_encoder: BlipTextModel
    ) -> Float[Tensor, "batch tags width"]:
        """What each tag's query has seen."""
        layers = blip_layers(tag_encoder)[: self.num_layers] if self.layers is None else list(self.layers)
        queries = self.label_embed.weight.expand(len(image_tokens), -1, -1)
        return recognise(layers, queries, image_tokens, num_heads=self.num_heads)

    @property
    def tag_vectors(self) -> Float[Tensor, "tags width"]:
        """The query of each tag."""
        return self.label_embed.weight

    def forward(self, image_tokens: ImageTokens, tag_encoder: BlipTextModel) -> TagLogits:
        """Logits of all tags."""
        return self.fc(self.states(image_tokens, tag_encoder))


def _own_layers(config: BlipTextConfig, num_layers: int) -> nn.ModuleList:
    layers = BlipTextModel(config, add_pooling_layer=False).encoder.layer[:num_layers]
    for layer in layers:
        del layer.attention  # queries of tags never meet each other
    return layers


class LinearTagHead(nn.Module):
    """One linear layer on the global image token ("full connection")."""

    def __init__(self, *, num_tags: int, image_width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(image_width, num_tags)

    @property
    def tag_vectors(self) -> Float[Tensor, "tags width"]:
        """The weights of each tag."""
        return self.fc.weight

    def forward(self, image_tokens: ImageTokens, tag_encoder: BlipTextModel) -> TagLogits:
        """Logits of all tags; the tag encoder is not used."""
        return self.fc(image_tokens[:, 0])
