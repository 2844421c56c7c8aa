"""How far a training is, on scenes kept aside."""

import numpy as np
import torch
from batches import to_pixels
from model import PATCH, Trainee
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPTokenizer

from tagalign.data.tiny_world import BACKGROUNDS, COLORS, OBJECTS, TinyWorld


@torch.no_grad()
def zero_shot(trainee: Trainee, tokenizer: CLIPTokenizer, count: int = 400) -> dict[str, float]:
    """Accuracy on scenes kept aside: the object, colour and background of easy scenes, the top object of crowded ones."""
    trainee.eval()

    def embed(names: tuple[str, ...]) -> Tensor:
        ids = tokenizer([f"a photo of a {name}" for name in names], padding=True, return_tensors="pt")[
            "input_ids"
        ]
        return F.normalize(trainee.text(ids), dim=-1)

    def image(scenes: list) -> tuple[Tensor, Tensor]:  # type: ignore[type-arg]
        hidden = trainee.clip.vision_model(to_pixels(np.stack([s.image for s in scenes]))).last_hidden_state
        return trainee.clip.visual_projection(trainee.clip.vision_model.post_layernorm(hidden[:, 0])), hidden[
            :, 1:
        ]

    easy = list(TinyWorld(seed=0, split="val", crowded=0.0).take(count))
    crowded = list(TinyWorld(seed=0, split="val-crowded", crowded=1.0).take(count))
    scores: dict[str, float] = {}
    embeds, _ = image(easy)
    for key, names, of in (
        ("object", OBJECTS, lambda s: s.layout.placed[0].name),
        ("color", COLORS, lambda s: s.layout.placed[0].color),
        ("background", BACKGROUNDS["default"], lambda s: s.background),
    ):
        best = (embeds @ embed(names).T).argmax(1).tolist()
        scores[key] = sum(names[b] == of(s) for b, s in zip(best, easy, strict=True)) / count
    embeds, patches = image(crowded)
    names = embed(OBJECTS)
    best = (embeds @ names.T).argmax(1).tolist()
    scores["crowded"] = sum(OBJECTS[b] in s.tags.objects for b, s in zip(best, crowded, strict=True)) / count
    everything = embed(OBJECTS + BACKGROUNDS["default"])
    cells = np.stack([s.label_map("all")[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].ravel() for s in crowded])
    on_object = torch.from_numpy(cells) < len(OBJECTS)
    heads = {"patch_clip": trainee.clip.visual_projection(trainee.clip.vision_model.post_layernorm(patches))}
    if trainee.patch_head:
        heads["patch_pooled"] = trainee.read(patches)
    for key, dense in heads.items():
        right = (dense @ everything.T).argmax(-1) == torch.from_numpy(cells)
        scores[key] = float(right[on_object].float().mean())
    trainee.train()
    return {key: round(value, 3) for key, value in scores.items()}
