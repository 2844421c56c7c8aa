"""Test scenes to look at, and what each row made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Integer
from PIL import Image
from torch import Tensor

from tagalign.data.tiny_world import Scene
from tagalign.evaluate.background import WithBackground
from tagalign.experiments import protocol
from tagalign.experiments.world import class_labels, picture
from tagalign.methods.dense.method import DenseMethod

NUM_EXAMPLES = 5
BACKGROUND = "background"


@dataclass(frozen=True, kw_only=True, eq=False)
class DemoExample:
    """A test scene and what each row made of it.

    Attributes:
        picture: the scene.
        truth: its label map; 0 is the background, class k has id k + 1.
        predictions: label map by row name, with the background rule of the row.
        names: of the ids.
        phrase: a referring expression of the scene.
        heats: the phrase's heat map by row name.
    """

    picture: Image.Image
    truth: Integer[Tensor, "height width"]
    predictions: Mapping[str, Integer[Tensor, "height width"]]
    names: Sequence[str]
    phrase: str
    heats: Mapping[str, Tensor]

    def right(self, row: str) -> float:
        """Percent of the scene's pixels that a row names right, background included."""
        return 100 * float((self.predictions[row] == self.truth).float().mean())


@torch.inference_mode()
def examples(
    test: Sequence[Scene],
    methods: Mapping[str, DenseMethod],
    thresholds: Mapping[str, float],
    count: int = NUM_EXAMPLES,
) -> list[DemoExample]:
    """The first crowded scenes with a phrase that names a colour or pattern, seen by every method.

    Args:
        test: scenes that nothing was trained or chosen on.
        methods: by row name.
        thresholds: of the background rule, by row name; the scores were measured with them.
        count: scenes at most.
    """
    chosen = [
        (scene, phrase) for scene in test if len(scene.instances) > 1 and (phrase := _telling_phrase(scene))
    ]
    return [_example(scene, phrase, methods, thresholds) for scene, phrase in chosen[:count]]


def _telling_phrase(scene: Scene) -> str:
    words = {one.color for one in scene.instances} | {one.pattern for one in scene.instances}
    return next((phrase for phrase, _ in scene.referring if words & set(phrase.split())), "")


def _example(
    scene: Scene, phrase: str, methods: Mapping[str, DenseMethod], thresholds: Mapping[str, float]
) -> DemoExample:
    image, labels = picture(scene), class_labels(protocol.OBJECT_CLASSES)
    encoded = {name: method.encode_images([image])[0] for name, method in methods.items()}
    predictions = {
        name: WithBackground(method, thresholds[name])
        .segment(encoded[name], method.encode_labels(labels))
        .labels
        for name, method in methods.items()
    }
    return DemoExample(
        picture=image,
        truth=torch.from_numpy(np.asarray(scene.label_map(protocol.OBJECT_CLASSES))),
        predictions=predictions,
        names=(BACKGROUND, *labels.names),
        phrase=phrase,
        heats={name: method.refer(encoded[name], phrase).heat for name, method in methods.items()},
    )
