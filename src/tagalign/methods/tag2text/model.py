"""The network of Tag2Text: parts joined, nothing about files, thresholds or words."""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import BlipTextLMHeadModel, BlipTextModel

from tagalign.errors import MissingPartError
from tagalign.methods.tag2text.alignment import AlignmentEncoder
from tagalign.methods.tag2text.image_encoders import ClipTokens, SwinTokens, ViTTokens
from tagalign.methods.tag2text.tag_heads import LinearTagHead, RecognitionHead
from tagalign.methods.tag2text.text_layers import caption_logits, encode_text

Ids = Int[Tensor, "batch tokens"]
Mask = Bool[Tensor, "batch tokens"]
ImageTokens = Float[Tensor, "batch image_tokens image_width"]
TextStates = Float[Tensor, "batch tokens width"]


class Tag2Text(nn.Module):
    """Image encoder, tag head, tag encoder, caption decoder and, where it was trained, the alignment encoder.

    ::

        pixels -> image tokens -+-> tag head -> tags (text) -+
                                |                            v
                                +-------------------> tag encoder -> caption decoder -> words
                                +-> alignment encoder <- text

    The decoder never sees the image directly: what it knows went through the tag encoder.

    Attributes:
        image_encoder: pixels to tokens, the global one first.
        tag_head: tokens to tag logits.
        tag_encoder: tags (or a question with tags) meet the image.
        text_decoder: causal language model over the tag states.
        alignment: None when the model has no retrieval part.
    """

    def __init__(
        self,
        *,
        image_encoder: SwinTokens | ViTTokens | ClipTokens,
        tag_head: RecognitionHead | LinearTagHead,
        tag_encoder: BlipTextModel,
        text_decoder: BlipTextLMHeadModel,
        alignment: AlignmentEncoder | None = None,
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.tag_head = tag_head
        self.tag_encoder = tag_encoder
        self.text_decoder = text_decoder
        self.alignment = alignment

    def train(self, mode: bool = True) -> "Tag2Text":
        """An external (frozen) image encoder stays in evaluation mode."""
        super().train(mode)
        if self.image_encoder.external:
            self.image_encoder.eval()
        return self

    def tag_logits(self, image_tokens: ImageTokens) -> Float[Tensor, "batch tags"]:
        """One logit per tag."""
        return self.tag_head(image_tokens, self.tag_encoder)

    def tag_states(self, ids: Ids, mask: Mask, image_tokens: ImageTokens) -> TextStates:
        """Tags (or a question with tags) after they met the image; first token ``[ENC]``."""
        return encode_text(self.tag_encoder, ids, mask, image_tokens)

    def caption_logits(
        self,
        ids: Ids,
        mask: Mask,
        states: Float[Tensor, "batch state_tokens width"],
        states_mask: Bool[Tensor, "batch state_tokens"] | None,
    ) -> Float[Tensor, "batch tokens vocabulary"]:
        """Next-token logits of given captions; first token ``[DEC]``. See ``text_layers.caption_logits``."""
        return caption_logits(self.text_decoder, ids, mask, states, states_mask)

    def aligned(self) -> AlignmentEncoder:
        """The alignment encoder.

        Raises:
            MissingPartError: if the model was trained without it.
        """
        if self.alignment is None:
            raise MissingPartError(
                "this Tag2Text model has no alignment encoder (the released checkpoint has none), so it cannot rank; "
                "train one with: tagalign train --method tag2text, or search with --method clip"
            )
        return self.alignment

    def own_parameters(self) -> dict[str, nn.Parameter]:
        """What belongs into a file: every parameter once, without an external image encoder."""
        external = "image_encoder." if self.image_encoder.external else None
        return {n: p for n, p in self.named_parameters() if external is None or not n.startswith(external)}
