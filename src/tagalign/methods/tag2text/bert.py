"""Start the text parts from a BERT on disk (paper, appendix A.1); cross-attention stays random, BERT has none."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from tagalign.errors import ModelError
from tagalign.methods.folder import load_tensors
from tagalign.methods.tag2text.model import Tag2Text


def init_from_bert(model: Tag2Text, folder: Path) -> int:
    """Fill tag encoder, decoder and alignment encoder from a Hugging Face BERT folder (safetensors).

    BERT adds an embedding of the sentence number to every token; ours have no such table, so the one of the first
    sentence is added to the positions, which gives the same sums. Rows of the added tokens stay as they are. Deeper BERTs
    give their first layers.

    Args:
        model: changed in place.
        folder: with ``model.safetensors`` of a ``BertModel`` or ``BertForMaskedLM``.

    Returns:
        Number of parameters (tensors) that were filled.

    Raises:
        ModelError: if the folder is no BERT, or its sizes do not fit.
    """
    bert = {_plain(name): tensor for name, tensor in load_tensors(folder).items()}
    if "embeddings.word_embeddings.weight" not in bert:
        raise ModelError(
            f"{folder}: expected the weights of a BERT, found no embeddings.word_embeddings.weight"
        )
    filled = _fill(model.tag_encoder, bert, folder) + _fill(model.text_decoder.bert, bert, folder)
    if model.alignment is not None:
        filled += _fill(model.alignment.text, bert, folder)
    head = {k.removeprefix("cls."): v for k, v in bert.items() if k.startswith("cls.predictions.")}
    return filled + _fill(model.text_decoder.cls, head, folder)


def _plain(name: str) -> str:
    # old checkpoints call the scale and shift of a layer norm gamma and beta
    return (
        name.removeprefix("bert.")
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias")
    )


@torch.no_grad()
def _fill(module: nn.Module, source: Mapping[str, Tensor], folder: Path) -> int:
    filled = 0
    for name, parameter in module.named_parameters():
        if "crossattention" in name or name not in source:
            continue
        value = source[name]
        if (
            name == "embeddings.position_embeddings.weight"
            and "embeddings.token_type_embeddings.weight" in source
        ):
            value = value + source["embeddings.token_type_embeddings.weight"][0]
        rows = min(len(value), len(parameter))
        # tables with a row per token or position
        longer = "embeddings" in name or name.startswith("predictions.")
        if value.shape[1:] != parameter.shape[1:] or (rows < len(parameter) and not longer):
            shapes = f"has shape {tuple(value.shape)}, the model needs {tuple(parameter.shape)}"
            raise ModelError(f"{folder}: {name} {shapes}")
        parameter[:rows] = value[:rows]
        filled += 1
    return filled
