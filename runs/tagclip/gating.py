"""Tags that prune or weigh the labels of every dense mode."""

from collections.abc import Iterator, Sequence
from typing import Any

from bench import Bench
from paper_tables import with_refinement
from PIL import Image
from scenes import Scenes, label_set
from scores import Row, miou
from settings import GROUND, SETTINGS
from torch import Tensor

from tagalign.backbones.modes import DENSE_MODES
from tagalign.data.tiny_world import CLASS_SETS, OBJECTS
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.gated.method import Gated
from tagalign.methods.tagclip.method import TagClip
from tagalign.types import EncodedLabels, LabelSet, Tagging


def table_gating(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    """Score all 34 classes: tags of the objects and the backgrounds, which stand in groups of their own."""
    scenes = scenes.first(SETTINGS["gating_scenes"])
    names = CLASS_SETS["all"]
    labels = label_set(names, groups=["object"] * len(OBJECTS) + ["background"] * len(GROUND))
    tagger = bench.tagger()
    images, tag_labels = tagger.encode_images(scenes.images), tagger.encode_labels(labels)
    taggings = tagger.tag_batch(images, tag_labels)
    truth = scenes.maps("all")
    rows: dict[str, Row] = {}
    for mode in DENSE_MODES:
        row: Row = {}
        for refine in ("none", "pamr", "crf"):
            dense = bench.dense(mode, refine=refine)
            encoded = dense.encode_images(scenes.images)
            dense_labels = dense.encode_labels(labels)
            for gate in ("off", "hard", "soft") if refine == "none" else ("off", "hard"):
                found = list(
                    _gated(
                        tagger, dense, gate, labels, encoded, dense_labels, images, taggings, scenes.images
                    )
                )
                row[f"{gate}{with_refinement(refine)}"] = miou(found, truth, len(names))
        rows[mode] = row
    return rows


def _gated(
    tagger: TagClip, dense: DenseMethod, gate: str, labels: LabelSet, encoded: Sequence[Any], dense_labels: EncodedLabels,
    images: Sequence[Any], taggings: Sequence[Tagging], photos: Sequence[Image.Image],
) -> Iterator[Tensor]:  # fmt: skip
    from tagalign.methods.gated.method import GatedImage

    gated = Gated(tagger, dense, gate="hard" if gate == "off" else gate)
    both = gated.encode_labels(labels)
    for value, image, tagging, photo in zip(encoded, images, taggings, photos, strict=True):
        if gate == "off":
            yield dense.segment(value, dense_labels, photo=photo).labels
        else:
            pair = GatedImage(method=gated.method, tags=image, dense=value)
            yield gated.segment_tagged(pair, both, tagging, photo=photo).labels
