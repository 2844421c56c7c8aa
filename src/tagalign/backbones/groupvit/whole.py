"""transformers' ``GroupViTModel`` filled from a folder's tensors, and its text half with our face."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import GroupViTConfig, GroupViTModel

from tagalign.backbones.family import FoundModel
from tagalign.backbones.text import Tokenizer
from tagalign.backbones.text_encoder import TextEncoder
from tagalign.backbones.weights import fill, renamed
from tagalign.errors import ModelError


def whole_model(source: FoundModel) -> Any:
    """A frozen ``GroupViTModel``.

    Raises:
        ModelError: if config or weights do not fit.
    """
    try:
        model = GroupViTModel(GroupViTConfig.from_dict(dict(source.config)))
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{source.folder}: these sizes make no GroupViT ({reason})") from error
    counters = [name for name, value in model.state_dict().items() if not value.is_floating_point()]
    given = {k: v for k, v in renamed(source.tensors, ()).items() if k not in counters}
    # batch norm counts its batches in integers, which are no weights: a file may or may not hold them
    fill(model, given, dtype=source.dtype, where=str(source.folder), optional=counters)
    return model.eval().requires_grad_(False)


class _TextTower(nn.Module):
    """Token ids to embeddings through ``get_text_features``."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.text_model, self.text_projection = model.text_model, model.text_projection

    def forward(self, ids: Int[Tensor, "prompts tokens"]) -> Float[Tensor, "prompts dim"]:
        """Embeddings; any norm."""
        # no mask: the tower is causal and read at the first end token, so what follows it never counts
        return self.text_projection(self.text_model(input_ids=ids).pooler_output)


def text_of(model: Any, tokenizer: Tokenizer) -> TextEncoder:
    """The text half, with the model's own temperature."""
    scale = min(float(model.logit_scale.detach().float().exp()), 100.0)
    return TextEncoder(_TextTower(model), tokenizer, dim=model.config.projection_dim, scale=scale)
