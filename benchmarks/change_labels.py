"""New labels on an encoded image: 448 x 448 pixels, ViT-B/16 shape with random weights, 100 labels whose text is cached.

Times what the web page does when a person changes the labels: scores on the patch grid, and the label map of all pixels.
The encoder is not in it. Prints one JSON line with medians and the slowest. Run: python benchmarks/change_labels.py
"""

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.methods.dense.canvas import CanvasRule
from tagalign.methods.dense.method import DenseMethod
from tagalign.tags.label_sets import label_set_of
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder
from tagalign.types import EncodedLabels

SIZE, LABELS = 448, 100


def times_ms(function, repeats: int) -> list[float]:
    taken = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        function()
        taken.append(1000 * (time.perf_counter() - start))
    return taken[2:]  # the first ones warm up


def random_labels(method: DenseMethod) -> EncodedLabels:
    """As a text encoder would give them; encoding is not timed, so random vectors do."""
    labels = label_set_of([f"thing {i}" for i in range(LABELS)])
    embeds = torch.randn(LABELS, method.backbone.embed_dim)
    return EncodedLabels(
        method="maskclip", label_set=labels, embeds=embeds, owners=torch.arange(LABELS), background=embeds[:0]
    )


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        backbone = load_backbone(str(make_clip_folder(Path(folder), **VIT_B16)))
    method = DenseMethod(backbone, method="maskclip", mode="maskclip")
    photo = Image.effect_noise((SIZE, SIZE), 80).convert("RGB")
    canvas = CanvasRule(short_side=SIZE).lay(photo, backbone.preprocessing)
    (image,) = method.encode_canvases([canvas])
    labels = random_labels(method)
    runs = {
        "patch_scores": lambda: patch_scores(image, labels),
        "label_map": lambda: method.segment(image, labels),
        "tags": lambda: method.tag(image, labels),
    }
    line: dict[str, object] = {"benchmark": "change_labels", "size": SIZE, "labels": LABELS}
    for name, function in runs.items():
        taken = times_ms(function, asked.repeats)
        line |= {f"{name}_ms": round(median(taken), 2), f"{name}_slowest_ms": round(max(taken), 2)}
    print(json.dumps(line | {"threads": torch.get_num_threads(), "machine": platform.machine()}))


def patch_scores(image, labels: EncodedLabels) -> torch.Tensor:
    """Cosines of all patches with all labels."""
    (view,) = image.views
    unit = torch.nn.functional.normalize
    return unit(view.embeds, dim=-1) @ unit(labels.embeds, dim=-1).T


if __name__ == "__main__":
    main()
