"""A dense model as ONNX: the encoder with its projector for any batch and size, and text embeddings beside it."""

import logging
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.fx import config as fx_config

from tagalign.atomic import atomic_write, refused_in_one_line, sweep
from tagalign.backbones.finite import checked
from tagalign.backbones.modes import DENSE_MODES
from tagalign.errors import InputError, MissingExtraError, ModelError
from tagalign.export.int8 import Int8Loss, int8_loss, quantise
from tagalign.json_text import json_text
from tagalign.methods.dense.feedback import FeedbackMethod
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import ModeOptions
from tagalign.methods.protocols import Method
from tagalign.ops.grid import tokens_to_map
from tagalign.types import EncodedLabels

GRAPH = "encoder.onnx"
PARTIAL = ".onnx-"
"""How the names of folders begin in which a graph is made."""
LABELS = "labels.npz"
CONFIG = "model.json"
TOLERANCE = 1e-4
"""Largest difference from PyTorch that an export may have; float32 sums in another order differ by about 1e-5."""
OPSET = 20
UNTRACED = {"scclip": "looks for outliers in a way that the exporter of PyTorch does not trace"}
"""Dense modes that the exporter of PyTorch cannot trace, and why."""
TIMED_RUNS = 5
NO_SOURCE_LINES = "do_not_emit_stack_traces"
"""Of ``torch.fx.config``."""

FeatureMaps = Float[Tensor, "batch dim rows cols"]


@dataclass(frozen=True, kw_only=True)
class OnnxReport:
    """What was written, and how it compares with PyTorch on the same processor.

    Attributes:
        folder: holds ``encoder.onnx``, ``labels.npz`` and ``model.json``.
        num_bytes: of all three.
        max_difference: of patch embeddings, over two batch sizes and three image sizes.
        torch_ms: median time of one image at the model's own size.
        onnx_ms: likewise, of what was written.
        int8: what the weights of 8 bits lose; None where the graph is in float32.
    """

    folder: Path
    num_bytes: int
    max_difference: float
    torch_ms: float
    onnx_ms: float
    int8: Int8Loss | None = None


class DenseGraph(nn.Module):
    """What is exported: normalised pixels to patch embeddings in the joint space, any norm.

    The second output, there for profiles that mix both, is what CLIP's own head makes of the same patches.
    """

    def __init__(self, method: DenseMethod, *, both: bool) -> None:
        super().__init__()
        self.backbone = method.backbone
        self.projector = method.projector
        self.mode, self.positions = method.dense_mode, method.positions
        self.both = both

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> tuple[FeatureMaps, ...]:
        """Maps on the patch grid; pixels that do not fill a patch are dropped at the bottom and right."""
        features = self.backbone.encode_dense(pixels, mode=self.mode, positions=self.positions)
        own = (
            tokens_to_map(self.backbone.project(features.patches), features.grid) if self._needs_own else None
        )
        if self.projector is None:
            return (own,)  # type: ignore[return-value]
        aligned = self.projector(tokens_to_map(features.patches, features.grid))
        return (aligned, own) if self.both else (aligned,)  # type: ignore[return-value]

    @property
    def _needs_own(self) -> bool:
        return self.projector is None or self.both


def export_onnx(
    method: Method[Any], folder: str | Path, labels: EncodedLabels, *, int8: bool = False
) -> OnnxReport:
    """Write ``encoder.onnx``, ``labels.npz`` and ``model.json``; ``examples/onnx_segment.py`` runs them without torch.

    Batch, height and width of the input are free. The result is compared with PyTorch before anything appears.

    Args:
        method: a dense one: CLIP's modes or TagAlign, on the CPU in float32.
        folder: made if missing.
        labels: their embeddings are stored; the text encoder is not exported.
        int8: linear layers in 8 bits, a quarter of the size; what that loses on drawn scenes stands in ``model.json``.

    Raises:
        InputError: for a method that is not dense, or one with a part that no graph holds; see ``exportable``.
        ModelError: if the graph answers differently from PyTorch by more than 1e-4.
        MissingExtraError: without onnx, onnxscript or onnxruntime.
    """
    dense = exportable(method)
    _need_packages()
    folder = Path(folder)
    graph = DenseGraph(dense, both=dense.clip_weight > 0).eval()
    with refused_in_one_line(folder / GRAPH):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        with TemporaryDirectory(dir=folder, prefix=PARTIAL) as temp:
            trace(graph, Path(temp) / GRAPH, dense.backbone.patch_size)
            report = _compare(graph, Path(temp) / GRAPH, dense)
            loss = None
            if int8:
                loss, report["onnx_ms"] = _to_int8(Path(temp) / GRAPH, dense, labels)
            for part in Path(temp).iterdir():  # above 2 GB the weights lie in a file of their own
                part.replace(folder / part.name)
    _write_labels(folder / LABELS, labels)
    with atomic_write(folder / CONFIG) as temp_path:
        config = _config(dense, labels) | ({} if loss is None else {"int8": asdict(loss)})
        temp_path.write_text(json_text(config, indent=2) + "\n", encoding="utf-8")
    num_bytes = sum(path.stat().st_size for path in folder.glob(f"{GRAPH}*"))
    return OnnxReport(
        folder=folder,
        num_bytes=num_bytes + (folder / LABELS).stat().st_size + (folder / CONFIG).stat().st_size,
        int8=loss,
        **report,
    )


def exportable(method: Method[Any]) -> DenseMethod:
    """The method, if a graph from one picture to its patches, and one label map from them, are all of it.

    Raises:
        InputError: for another method, and for a dense one with a part that such a graph cannot hold; says which.
    """
    if not isinstance(method, DenseMethod):
        modes = ", ".join(mode for mode in DENSE_MODES if mode not in UNTRACED)
        raise InputError(
            f"method {method.method!r} cannot be exported: ONNX takes the dense methods ({modes}, tagalign)"
        )
    if why := _no_graph(method):
        raise InputError(f"method {method.method!r} cannot be exported to ONNX: {why}")
    return method


def _no_graph(method: DenseMethod) -> str:
    """What a graph cannot hold of a dense method, and what to do; empty where it can hold all."""
    options, rule = method.options, method.canvas_rule
    if isinstance(method, FeedbackMethod):
        return "feedback finishes an image with the labels in hand; leave feedback out"
    if type(method) is not DenseMethod:
        return "it needs more than its encoder; take a mode of the encoder alone"
    if method.mode in UNTRACED:
        return f"mode {method.mode!r} {UNTRACED[method.mode]}; take another mode"
    if method.backbone.precision != "fp32":
        return f"a graph is written in fp32; leave precision {method.backbone.precision!r} out"
    if isinstance(options, ModeOptions) and options.stitch:
        return "stitch runs the encoder in two parts; leave stitch out"
    if rule.window is not None and rule.window < rule.short_side:
        return f"windows of {rule.window} pixels are many pictures; leave window and such profiles out"
    if method.positions == "offset":
        return "positions 'offset' are resized by a rule that a graph of free sizes does not keep; leave positions out"
    if options.refine != "none":
        return f"refine {options.refine!r} works on the label map of a photo; leave refine out"
    return ""


def _remove_leftovers(folder: Path) -> None:
    """Of exports that were killed; another export into the same folder at the same time is not thought of."""
    sweep(folder, [LABELS, CONFIG])
    for left in folder.glob(f"{PARTIAL}*"):
        shutil.rmtree(left, ignore_errors=True)


def _need_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the ONNX export", str(error.name), "onnx") from error


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without what PyTorch's exporter says of torchvision, which no graph of ours needs, and of its own old calls."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        log.setLevel(level)


def trace(graph: DenseGraph, path: Path, patch_size: int) -> None:
    """Write a graph whose batch, height and width are free."""
    # two different sides of more than one patch, none of them the model's own, so that nothing is taken for a constant
    example = torch.zeros(2, 3, 3 * patch_size, 5 * patch_size)
    # names, whose ranges the exporter finds; a Dim without its range is refused after a whole trace, which then runs again
    free = {0: "batch", 2: "height", 3: "width"}
    names = ["embeds", "frozen_embeds"][: 2 if graph.both else 1]
    with _quiet_exporter(), _without_source_lines():
        program = torch.onnx.export(
            graph,
            (example,),
            dynamo=True,
            dynamic_shapes=(free,),
            input_names=["pixels"],
            output_names=names,
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise ModelError("the exporter of PyTorch gave no program back")
    program.save(path)


@contextmanager
def _without_source_lines() -> Iterator[None]:
    """No operation keeps the lines of Python that made it: a sixth of the time, and paths of this machine in the file."""
    config: Any = fx_config
    before = getattr(config, NO_SOURCE_LINES, False)  # a PyTorch without this switch reads none
    setattr(config, NO_SOURCE_LINES, True)
    try:
        yield
    finally:
        setattr(config, NO_SOURCE_LINES, before)


def _compare(graph: DenseGraph, path: Path, method: DenseMethod) -> dict[str, float]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    patch, native = method.backbone.patch_size, method.backbone.preprocessing.image_size
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch, height, width in (
        (1, native, native),
        (3, 2 * patch, 7 * patch),
        (1, native + patch, 4 * patch + 1),
    ):
        pixels = torch.randn(batch, 3, height, width, generator=generator)
        ours = _run_torch(graph, pixels)
        for maps in ours:  # the largest of differences that are NaN is none
            checked(torch.from_numpy(maps), graph, name=method.backbone.name, what="maps")
        theirs = session.run(None, {"pixels": pixels.numpy()})
        worst = max([worst, *(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))])
    if not worst <= TOLERANCE:
        raise ModelError(
            f"the exported graph differs from PyTorch by {worst:.2g}, at most {TOLERANCE:g} is accepted"
        )
    pixels = torch.randn(1, 3, native, native, generator=generator)
    feed = {"pixels": pixels.numpy()}
    return {
        "max_difference": worst,
        "torch_ms": _median_ms(lambda: _run_torch(graph, pixels)),
        "onnx_ms": _median_ms(lambda: session.run(None, feed)),
    }


def _to_int8(path: Path, method: DenseMethod, labels: EncodedLabels) -> tuple[Int8Loss, float]:
    """The graph in 8 bits in the place of the other; what it loses, and its time for one image of the native size."""
    import onnxruntime

    providers = ["CPUExecutionProvider"]
    full = onnxruntime.InferenceSession(path, providers=providers)  # holds its weights: the file may go
    quantise(path)
    low = onnxruntime.InferenceSession(path, providers=providers)
    native = method.backbone.preprocessing.image_size
    feed = {"pixels": np.zeros((1, 3, native, native), dtype=np.float32)}
    return int8_loss(full, low, method, labels), _median_ms(lambda: low.run(None, feed))


@torch.inference_mode()
def _run_torch(graph: DenseGraph, pixels: Tensor) -> list[np.ndarray]:
    return [maps.numpy() for maps in graph(pixels)]


def _median_ms(call: Any) -> float:
    times = []
    for _ in range(TIMED_RUNS):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def _write_labels(path: Path, labels: EncodedLabels) -> None:
    with atomic_write(path) as temp, temp.open("wb") as file:
        np.savez(file, embeds=labels.embeds.float().cpu().numpy(), owners=labels.owners.cpu().numpy())


def _config(method: DenseMethod, labels: EncodedLabels) -> dict[str, Any]:
    """Everything that a program without torch needs to go from a photo to a label map."""
    return {
        "names": list(labels.names),
        "mean": list(method.preprocessing.mean),
        "std": list(method.preprocessing.std),
        "short_side": method.canvas_rule.short_side,
        "max_side": method.canvas_rule.max_side,
        "patch_size": method.backbone.patch_size,
        "scale": method.rule.scale,
        "bias": method.rule.bias,
        "sigmoid_first": method.rule.sigmoid_first,
        "clip_weight": method.clip_weight,
        "threshold": method.options.background_threshold,
        "made_from": method.describe(),
    }
