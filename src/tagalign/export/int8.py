"""An exported graph with weights of 8 bits: made by ONNX Runtime's own tool, and what it loses on drawn scenes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from tagalign.data.tiny_world import TinyWorld
from tagalign.methods.dense.method import DenseMethod
from tagalign.types import EncodedLabels

QUANTISED = ("MatMul", "Gemm")
"""Products of the linear layers; the way in and what both sides compute on the way (attention) stay in float32."""
SCENES = 12
TINY = 1e-12


@dataclass(frozen=True, kw_only=True)
class Int8Loss:
    """How the graph of 8 bits differs from the one of float32.

    Attributes:
        scenes: drawn ones that were compared.
        same_label: share of patches whose best label is the same, mean over scenes.
        worst_scene: the same of the scene that differs most.
        cosine: between the patch embeddings of both, mean over patches.
    """

    scenes: int
    same_label: float
    worst_scene: float
    cosine: float


def quantise(path: Path) -> None:
    """Replace a graph by one whose linear layers multiply in 8 bits; activations are scaled as they come.

    Weights take 7 of the 8 bits and a scale per output: processors without VNNI add pairs of products in 16 bits, which
    full ones overflow, and the answers shall not depend on the processor.

    Args:
        path: of the graph; its weights may lie in a file beside it, which then goes.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    beside = path.with_name(f"{path.name}.data")
    made = path.with_name(f"int8-{path.name}")
    is_large = beside.exists() and beside.stat().st_size > 2**30
    with _quiet():
        quantize_dynamic(
            path,
            made,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=is_large,
        )
    beside.unlink(missing_ok=True)
    made.replace(path)


def int8_loss(full: Any, low: Any, method: DenseMethod, labels: EncodedLabels) -> Int8Loss:
    """Compare two sessions on drawn scenes, laid out as the method lays photos.

    Args:
        full: session of the graph of float32.
        low: of the one of 8 bits.
        method: that was exported.
        labels: whose best one is compared.
    """
    world = TinyWorld(seed=1, split="test")
    names, owners = labels.embeds.float().cpu().numpy(), labels.owners.cpu().numpy()
    same, cosines = [], []
    for i in range(SCENES):
        canvas = method.canvas_rule.lay(Image.fromarray(world[i].image), method.preprocessing)
        feed = {"pixels": canvas.pixels[None].float().numpy()}
        first, second = (_rows(session.run(None, feed)[0]) for session in (full, low))
        cosines.append(float((first * second).sum(axis=1).mean()))
        same.append(float(np.mean(_best(first, names, owners) == _best(second, names, owners))))
    return Int8Loss(
        scenes=SCENES,
        same_label=round(float(np.mean(same)), 4),
        worst_scene=round(min(same), 4),
        cosine=round(float(np.mean(cosines)), 4),
    )


def _rows(maps: Float[np.ndarray, "1 dim rows cols"]) -> Float[np.ndarray, "patches dim"]:
    """Embeddings of unit length."""
    rows = maps[0].reshape(maps.shape[1], -1).T
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY)


def _best(
    rows: Float[np.ndarray, "patches dim"],
    names: Float[np.ndarray, "prompts dim"],
    owners: Int[np.ndarray, " prompts"],
) -> Int[np.ndarray, " patches"]:
    """The label of every patch: the owner of the prompt that is nearest."""
    units = names / np.maximum(np.linalg.norm(names, axis=1, keepdims=True), TINY)
    return owners[(rows @ units.T).argmax(axis=1)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tool's advice about files that its own optimiser has not seen."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
