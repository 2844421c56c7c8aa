"""One model with the settings that were chosen for it, and every method of the tables on it."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from scenes import Scenes, label_set
from scores import miou
from settings import AFFINITY_LAYERS, GROUND, SETTINGS
from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.tiny_world import CLASS_SETS, OBJECTS
from tagalign.labels import LabelSet
from tagalign.methods.cls_seg.method import ClsSeg
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions
from tagalign.methods.groups import split_groups
from tagalign.methods.options import build_options
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.methods.thresholds import Threshold
from tagalign.tasks.calibration import best_thresholds
from tagalign.types import Segmentation, Tagging


class Bench:
    """One model, and pictures encoded once per method."""

    def __init__(self, clip: BlockBackbone, kept_aside: Sequence[Scenes]) -> None:
        self.clip, self.kept_aside = clip, kept_aside
        layers = clip.num_layers
        self.tagging: dict[str, Any] = {
            key: SETTINGS[key] for key in ("profile", "threshold", "enlarge_crops")
        }
        self.maps: dict[str, Any] = {"affinity_layers": tuple(range(layers - AFFINITY_LAYERS, layers))}
        self.rules: dict[str, Threshold] = {}
        self.objects = label_set(OBJECTS, GROUND)
        self.everything = label_set(CLASS_SETS["all"])

    def use(self, *, refine_layers: tuple[int, ...], **maps: Any) -> None:
        """Take what was chosen."""
        self.tagging["refine_layers"] = refine_layers
        self.maps |= maps

    def calibrated(self, **settings: Any) -> Threshold:
        """One threshold per label with the highest F1 on the scenes kept aside; measured once per settings."""
        key = repr(sorted(settings.items()))
        if key not in self.rules:
            scores = [t.scores for part in self.kept_aside for t in self.tag(part, **settings)]
            truth = [row for part in self.kept_aside for row in (part.truth == 1).tolist()]
            self.rules[key] = best_thresholds(OBJECTS, scores, truth)
        return self.rules[key]

    def tagger(self, **settings: Any) -> TagClip:
        """With the settings of all tables but those given."""
        options = build_options(TagClipOptions, self.tagging | settings, method="tagclip")
        return TagClip(self.clip, options, resources=Resources(batch_size=50, crop_batch=100))

    def tag(
        self,
        scenes: Scenes,
        encoded: list[Any] | None = None,
        labels: LabelSet | None = None,
        **settings: Any,
    ) -> list[Tagging]:
        """Tag all scenes."""
        tagger = self.tagger(**settings)
        images = encoded if encoded is not None else tagger.encode_images(scenes.images)
        return tagger.tag_batch(images, tagger.encode_labels(labels or self.objects))

    def dense(self, mode: str, **settings: Any) -> DenseMethod:
        """A dense method on the same encoder."""
        options = build_options(DenseOptions, {"profile": SETTINGS["dense_profile"], **settings}, method=mode)
        return DenseMethod(self.clip, options, method=mode, mode=mode, resources=Resources(batch_size=50))

    def segment(self, method: Any, scenes: Scenes, labels: LabelSet) -> list[Segmentation]:
        """Every scene by a method."""
        encoded_labels = method.encode_labels(labels)
        return [
            method.segment(value, encoded_labels, photo=photo)
            for value, photo in zip(method.encode_images(scenes.images), scenes.images, strict=True)
        ]

    def cls_seg(self, scenes: Scenes, taggings: Sequence[Tagging], **settings: Any) -> float:
        """Score (mIoU) objects and background with given tags."""
        own = {"profile": SETTINGS["profile"], **self.maps}
        options = build_options(ClsSegOptions, own | settings, method="cls-seg")
        method = ClsSeg(self.clip, options, resources=Resources(batch_size=50))
        labels = method.encode_labels(self.objects)
        found = (
            method.segment_tags(image, labels, tagging.chosen, photo=photo).labels
            for image, tagging, photo in zip(
                method.encode_images(scenes.images), taggings, scenes.images, strict=True
            )
        )
        return miou(found, scenes.maps("objects"), len(OBJECTS) + 1)


def global_scores(bench: Bench, scenes: Scenes) -> tuple[Tensor, Tensor]:
    """Cosine and softmax probability of the class token, softmax with the background words."""
    tagger = bench.tagger()
    group = split_groups(tagger.encode_labels(bench.objects))[0]
    pixels = torch.stack([tagger.lay(image) for image in scenes.images])
    tokens = torch.cat(
        [bench.clip.project(bench.clip.encode_dense(p, mode="clip").cls) for p in pixels.split(100)]
    )
    cosine = F.normalize(tokens, dim=1) @ group.embeds.T
    return cosine, group.probs(tokens, bench.clip.logit_scale)[:, : len(OBJECTS)]
