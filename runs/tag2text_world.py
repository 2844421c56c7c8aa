"""Tiny-world data for Tag2Text: frozen tokens of the tiny CLIP, captions with the tags they name, questions, truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.load import load_backbone
from tagalign.backbones.pixels import to_tensor
from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.tag2text.batches import TokenData
from tagalign.data.tag2text.records import TaggedRecord
from tagalign.data.tiny_world import (
    ACTIONS,
    BACKGROUNDS,
    COLORS,
    FAMILIES,
    OBJECTS,
    PATTERNS,
    SIZES,
    Scene,
    TinyWorld,
)
from tagalign.methods.tag2text.build import initial_deviation
from tagalign.methods.tag2text.image_encoders import ClipTokens
from tagalign.methods.tag2text.tag_names import TagNames
from tagalign.methods.tag2text.wordpieces import Wordpieces

WORDS = TagNames(
    [
        *OBJECTS,
        *FAMILIES,
        *BACKGROUNDS["default"],
        *ACTIONS,
        *COLORS,
        *(p for p in PATTERNS if p != "plain"),
        *(s for s in SIZES if s != "medium"),
    ]
)
"""The tag list: kinds, families, backgrounds, actions, attributes; what a person would keep of the parsed words."""

OBJECT_IDS = tuple(range(len(OBJECTS)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Scenes of one split with everything that is known about them.

    Attributes:
        scenes: the scenes.
        tokens: frozen image tokens, float16.
        truth: True where a tag is true of the scene (families too).
        global_embeds: CLIP's own image embeddings.
    """

    scenes: list[Scene]
    tokens: Float[Tensor, "scenes tokens width"]
    truth: Bool[Tensor, "scenes tags"]
    global_embeds: Float[Tensor, "scenes dim"]

    def data(self, kind: str, *, count: int | None = None) -> TokenData:
        """Training data: ``alt`` has the noisy alt text, ``captions`` the five sentences."""
        scenes = self.scenes[:count]
        return TokenData(
            tokens=self.tokens[: len(scenes)],
            records=[record(scene, kind) for scene in scenes],
            questions=[scene.questions for scene in scenes],
        )


def record(scene: Scene, kind: str) -> TaggedRecord:
    texts = (scene.alt_text,) if kind == "alt" else scene.captions
    tags = tuple(tuple(WORDS.mentioned(text)) for text in texts)
    return TaggedRecord(key=scene.key, image="", captions=texts, tags=tags)


def make_split(name: str, count: int, *, seed: int = 0, cache: Path | None = None) -> Split:
    """Draw and encode scenes; tokens are kept in ``cache`` under the hash of the tiny CLIP's weights."""
    world = TinyWorld(seed=seed, split=f"tag2text-{name}")
    scenes = list(world.take(count))
    tokens, embeds = _encode(scenes, f"{name}-{count}-{seed}", cache)
    return Split(scenes=scenes, tokens=tokens, truth=_truth(scenes), global_embeds=embeds)


def _truth(scenes: list[Scene]) -> Bool[Tensor, "scenes tags"]:
    truth = torch.zeros(len(scenes), len(WORDS), dtype=torch.bool)
    for row, scene in enumerate(scenes):
        for name in (*scene.tags.names, *scene.tags.families):
            truth[row, WORDS.find(name)] = True
    return truth


def _encode(
    scenes: list[Scene], name: str, cache: Path | None
) -> tuple[Float[Tensor, "scenes tokens width"], Float[Tensor, "scenes dim"]]:
    backbone = load_backbone("tiny")
    path = None if cache is None else cache / f"{name}-{backbone.weight_hash}.npz"
    if path is not None and path.exists():
        stored = np.load(path)
        return torch.from_numpy(stored["tokens"]), torch.from_numpy(stored["embeds"])
    encoder = ClipTokens(backbone)
    tokens, embeds = [], []
    for start in range(0, len(scenes), 64):
        rows = encoder(pixels_of(scenes[start : start + 64], backbone.preprocessing))
        tokens.append(rows.half())
        embeds.append(backbone.to_joint(rows[:, 0]))
    found = torch.cat(tokens), torch.cat(embeds)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, tokens=found[0].numpy(), embeds=found[1].numpy())
    return found


def pixels_of(scenes: list[Scene], preprocessing: Preprocessing) -> Float[Tensor, "scenes 3 height width"]:
    """What an encoder sees."""
    return torch.stack([to_tensor(Image.fromarray(scene.image), preprocessing) for scene in scenes])


def wordpieces_of(split: Split) -> Wordpieces:
    """Word pieces from all texts of a training split."""
    texts = [text for scene in split.scenes for text in (scene.alt_text, *scene.captions)]
    texts += [text for scene in split.scenes for pair in scene.questions for text in pair]
    return Wordpieces.from_texts(["a picture of", *WORDS.names, "|", *texts], size=1024)


def sizes_for(wordpieces: Wordpieces, *, image_width: int, head: str = "shared", width: int = 96) -> dict:
    """Arguments of ``build_tag2text`` for the tiny network."""
    text = {
        "vocab_size": len(wordpieces),
        "hidden_size": width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 2 * width,
        "max_position_embeddings": 96,
        "initializer_range": initial_deviation(width),
    }
    return {
        "image_encoder": {"kind": "clip", "backbone": "tiny"},
        "tag_encoder": {**text, "encoder_hidden_size": image_width},
        "text_decoder": {**text, "encoder_hidden_size": width},
        "tag_head": {"kind": head, "num_heads": 4, "num_layers": 2},
        "alignment": {"embed_dim": 64},
    }
