"""Whether patches speak of the whole picture, which is where the papers' methods begin: attention, cosines, names."""

import torch
from encoded import chunks, embed_names, patch_classes, pixels
from torch import Tensor
from torch.nn import functional as F

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.tiny_world import OBJECTS, Scene
from tagalign.ops.attention import head_mean_probs

FAR = 2  # patches; what lies further away (along either axis) is far


def attention_shares(clip: BlockBackbone, scenes: list[Scene]) -> list[dict[str, float]]:
    """What patches give to the class token and to far patches, percent of their attention, layer by layer.

    `class_rows` is how alike the layer's patches are to its class token afterwards: their mean cosine.
    """
    tokens, grid = clip.embed_patches(pixels(clip, scenes))
    far, found = far_patches(*grid), []
    for block in clip.blocks:
        q, k, _ = block.qkv(block.norm1(tokens))
        weights = head_mean_probs(q, k)[:, clip.num_prefix :]
        tokens = block(tokens)
        cosine = F.cosine_similarity(tokens[:, clip.num_prefix :], tokens[:, :1], dim=-1)
        found.append(
            {
                "to_class": share(weights[..., 0].mean()),
                "to_far": share((weights[..., clip.num_prefix :] * far).sum(-1).mean()),
                "class_rows": round(float(cosine.mean()), 2),
            }
        )
    return found


def far_patches(rows: int, columns: int) -> Tensor:
    """1 where two patches are more than `FAR` apart."""
    place = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    return ((place[:, None] - place[None]).abs().amax(-1) > FAR).float()


def share(value: Tensor) -> float:
    return round(100 * float(value), 1)


def object_cosines(clip: BlockBackbone, scenes: list[Scene], mode: str) -> dict[str, dict[str, float]]:
    """Mean cosine of patches with the names of their own object, of the picture's other objects, and of absent ones.

    A row for patches on objects and one for the background, which has no object of its own. `named_present` is the
    percentage whose best object name is one that the picture shows elsewhere.
    """
    names = embed_names(clip, OBJECTS)
    dense = torch.cat(
        [
            F.normalize(clip.project(clip.encode_dense(pixels(clip, chunk), mode=mode).patches), dim=-1)
            for chunk in chunks(scenes)
        ]
    )
    cosine, truth = dense @ names.T, patch_classes(scenes, clip.patch_size)
    present = torch.tensor([[name in scene.tags.objects for name in OBJECTS] for scene in scenes])[:, None]
    own = F.one_hot(truth.clamp(max=len(OBJECTS)), len(OBJECTS) + 1)[..., :-1].bool()
    best = F.one_hot(cosine.argmax(-1), len(OBJECTS)).bool()
    kinds = {"own": own, "others": present & ~own, "absent": (~present).expand_as(own)}
    found = {}
    for where, patches in (("objects", truth < len(OBJECTS)), ("background", truth >= len(OBJECTS))):
        rows = {kind: cosine[mask & patches[..., None]] for kind, mask in kinds.items()}
        named = (best & present & ~own).any(-1)[patches]
        found[where] = {kind: round(float(values.mean()), 3) for kind, values in rows.items() if len(values)}
        found[where]["named_present"] = share(named.float().mean())
    return found
