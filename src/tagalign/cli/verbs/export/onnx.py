"""``tagalign export onnx``: a dense model for runtimes without PyTorch."""

import dataclasses
import sys
from pathlib import Path

from tagalign.cli.shared.label_flags import LabelFlags
from tagalign.cli.shared.model_flags import ModelFlags


@dataclasses.dataclass(frozen=True, kw_only=True)
class Onnx(ModelFlags, LabelFlags):
    """A dense model as ONNX: encoder and projector for any batch and size, and the text embeddings of labels.

    examples/onnx_segment.py segments with it, without PyTorch.
    Example: tagalign export onnx --model openai/clip-vit-base-patch16 --labels "dog,grass,sky" --out exported
    """

    out: Path = Path("exported")
    """Folder for encoder.onnx, labels.npz and model.json."""
    int8: bool = False
    """Linear layers in 8 bits, a quarter of the size; what it changes on drawn scenes is printed and kept in model.json."""


def write_onnx(settings: Onnx) -> int:
    """Trace, compare with PyTorch, write, and say how far apart they are."""
    labels = settings.label_set()
    options = settings.options("segment")
    settings.check_options(options["method"])
    import tagalign
    from tagalign.export.onnx import export_onnx

    # the graph is traced and compared on the CPU, whatever it will run on later
    model = tagalign.load(settings.model, **(options | {"device": "cpu"}))
    report = export_onnx(model.implementation, settings.out, model.encode_labels(labels), int8=settings.int8)
    print(
        f"{report.num_bytes / 1e6:.1f} MB written to {report.folder}; largest difference from PyTorch "
        f"{report.max_difference:.1e}; one image at the native size: {report.onnx_ms:.1f} ms with onnxruntime, "
        f"{report.torch_ms:.1f} ms with PyTorch, on this CPU",
        file=sys.stderr,
    )
    if (loss := report.int8) is not None:
        print(
            f"8 bits: the best label is the same at {loss.same_label:.1%} of the patches of {loss.scenes} drawn scenes "
            f"({loss.worst_scene:.1%} in the worst), embeddings have cosine {loss.cosine:.4f} with those of float32",
            file=sys.stderr,
        )
    return 0
