"""Tags that prune or weigh the labels of every dense mode."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import Bench
from PIL import Image
from scenes import Scenes, label_set
from scores import Row, miou
from settings import GROUND
from torch import Tensor

from tagalign.backbones.modes import DENSE_MODES
from tagalign.data.tiny_world import CLASS_SETS, OBJECTS
from tagalign.labels import LabelSet
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.gated.method import Gated, GatedImage
from tagalign.methods.tagclip.image import TagClipImage
from tagalign.methods.tagclip.method import TagClip
from tagalign.types import Tagging


@dataclass(frozen=True)
class Tagged:
    """Scenes after the tagger: what every mode is gated with."""

    tagger: TagClip
    labels: LabelSet
    photos: Sequence[Image.Image]
    images: Sequence[TagClipImage]
    taggings: Sequence[Tagging]


def table_gating(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    """Score all 34 classes: tags of the objects and the backgrounds, which stand in groups of their own."""
    names = CLASS_SETS["all"]
    labels = label_set(names, groups=["object"] * len(OBJECTS) + ["background"] * len(GROUND))
    tagger = bench.tagger()
    images = tagger.encode_images(scenes.images)
    taggings = tagger.tag_batch(images, tagger.encode_labels(labels))
    tagged = Tagged(tagger, labels, scenes.images, images, taggings)
    truth = scenes.maps("all")
    return {
        mode: {
            gate: miou(list(_gated(bench.dense(mode), gate, tagged)), truth, len(names))
            for gate in ("off", "hard", "soft")
        }
        for mode in DENSE_MODES
    }


def _gated(dense: DenseMethod, gate: str, tagged: Tagged) -> Iterator[Tensor]:
    encoded = dense.encode_images(tagged.photos)
    if gate == "off":
        labels = dense.encode_labels(tagged.labels)
        yield from (dense.segment(value, labels).labels for value in encoded)
        return
    gated = Gated(tagged.tagger, dense, gate=gate)
    both = gated.encode_labels(tagged.labels)
    for value, image, tagging, photo in zip(
        encoded, tagged.images, tagged.taggings, tagged.photos, strict=True
    ):
        pair = GatedImage(method=gated.method, tags=image, dense=value)
        yield gated.segment_tagged(pair, both, tagging, photo=photo).labels
