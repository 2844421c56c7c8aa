"""Pictures of one seed, what is true of them, and the label sets that are asked."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from settings import SETTINGS
from torch import Tensor

from tagalign.data.tiny_world import OBJECTS, TinyWorld
from tagalign.labels import Label, LabelSet


def label_set(
    names: Sequence[str], background: Sequence[str] = (), groups: Sequence[str | None] | None = None
) -> LabelSet:
    labels = tuple(Label(name=n, group=g) for n, g in zip(names, groups or [None] * len(names), strict=True))
    return LabelSet(
        name="tiny-world", labels=labels, background=tuple(background), templates=tuple(SETTINGS["templates"])
    )


class Scenes:
    """Pictures of one seed and what is true of them."""

    def __init__(self, seed: int, count: int, **world: Any) -> None:
        self.scenes = list(TinyWorld(seed=seed, **{**SETTINGS["world"], **world}).take(count))
        self.images = [Image.fromarray(scene.image) for scene in self.scenes]
        self.truth = torch.tensor([[int(name in s.tags.objects) for name in OBJECTS] for s in self.scenes])

    def take(self, places: Sequence[int]) -> "Scenes":
        """Some of them."""
        some = object.__new__(Scenes)
        some.scenes = [self.scenes[i] for i in places]
        some.images = [self.images[i] for i in places]
        some.truth = self.truth[list(places)]
        return some

    def maps(self, class_set: str) -> list[Tensor]:
        """True labels of every pixel."""
        return [torch.from_numpy(scene.label_map(class_set)) for scene in self.scenes]
