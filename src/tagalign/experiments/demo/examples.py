"""Test scenes to look at, and what each row made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tagalign.data.tiny_world import Scene
from tagalign.experiments import protocol
from tagalign.experiments.world import class_labels, picture
from tagalign.methods.dense.method import DenseMethod

NUM_EXAMPLES = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class DemoExample:
    """A test scene and what each row made of it.

    Attributes:
        picture: the scene.
        truth: its label map.
        predictions: label map by row name.
        phrase: a referring expression of the scene.
        heats: the phrase's heat map by row name.
    """

    picture: Image.Image
    truth: Tensor
    predictions: Mapping[str, Tensor]
    phrase: str
    heats: Mapping[str, Tensor]


@torch.inference_mode()
def examples(
    test: Sequence[Scene], methods: Mapping[str, DenseMethod], count: int = NUM_EXAMPLES
) -> list[DemoExample]:
    """The first crowded scenes with a phrase that names a colour or pattern, seen by every method."""
    chosen = [
        (scene, phrase) for scene in test if len(scene.instances) > 1 and (phrase := _telling_phrase(scene))
    ]
    return [_example(scene, phrase, methods) for scene, phrase in chosen[:count]]


def _telling_phrase(scene: Scene) -> str:
    words = {one.color for one in scene.instances} | {one.pattern for one in scene.instances}
    return next((phrase for phrase, _ in scene.referring if words & set(phrase.split())), "")


def _example(scene: Scene, phrase: str, methods: Mapping[str, DenseMethod]) -> DemoExample:
    image, labels = picture(scene), class_labels(protocol.CLASSES)
    encoded = {name: method.encode_images([image])[0] for name, method in methods.items()}
    return DemoExample(
        picture=image,
        truth=torch.from_numpy(np.asarray(scene.label_map(protocol.CLASSES))),
        predictions={
            name: method.segment(encoded[name], method.encode_labels(labels)).labels
            for name, method in methods.items()
        },
        phrase=phrase,
        heats={name: method.refer(encoded[name], phrase).heat for name, method in methods.items()},
    )
