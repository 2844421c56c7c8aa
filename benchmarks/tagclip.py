"""Seconds per image of TagCLIP and CLS-SEG at full size (ViT-B/16 shape, random weights), beside two yardsticks.

``floor``: the encoder passes alone, ordinary blocks with fused attention, all crops in one batch. ``steps``: a faithful
step-by-step implementation of the spec, one class and one crop at a time, with the same fused attention. All are timed in
one process, in turns, so that other load hits all alike; minima are printed. ``--clock cpu`` counts processor time
instead of wall time, for machines that do other work too. One JSON line.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage
from transformers import CLIPConfig, CLIPModel

from tagalign.backbones.families import FAMILIES
from tagalign.backbones.protocols import Block, BlockBackbone
from tagalign.labels import Label, LabelSet
from tagalign.methods.cls_seg.method import ClsSeg, ClsSegLabels
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.image import TagClipImage
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.ops.attention import head_mean_probs
from tagalign.types import EncodedLabels

PHOTO = (375, 500)  # height, width
LABELS, BACKGROUND, CANDIDATES, TAGS = 20, 25, 8, 4
RATIOS = (
    ("over_floor", "tagclip", "floor"),
    ("faster_than_steps", "steps", "tagclip"),
    ("batch_over_single", "batch", "tagclip"),
    ("cams_faster_than_steps", "cam_steps", "cams"),
)


def backbone(device: str) -> BlockBackbone:
    """OpenAI's ViT-B/16 shape; only the vision tower runs."""
    torch.manual_seed(0)
    vision = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
              "image_size": 224, "patch_size": 16, "hidden_act": "quick_gelu"}  # fmt: skip
    text = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 64}
    config = CLIPConfig(vision_config=vision, text_config=text, projection_dim=512)
    clip = CLIPModel(config)
    with torch.no_grad():
        clip.logit_scale.fill_(float(np.log(100)))
    return FAMILIES["clip"].build(config.to_dict(), clip.state_dict()).to(device)  # type: ignore[attr-defined]


def labels_for(clip: BlockBackbone) -> ClsSegLabels:
    """Random unit embeddings: the arithmetic does not care."""
    generator = torch.Generator().manual_seed(1)
    rows = F.normalize(torch.randn(LABELS + BACKGROUND, 512, generator=generator), dim=-1).to(clip.device)
    names = tuple(Label(name=f"label {i}") for i in range(LABELS))
    return ClsSegLabels(
        label_set=LabelSet(name="random", labels=names),
        embeds=rows[:LABELS],
        owners=torch.arange(LABELS, device=clip.device),
        background=rows[LABELS:],
        cam_embeds=rows[:LABELS],
        cam_background=rows[LABELS:],
    )


def photo(seed: int) -> Image.Image:
    """Smooth noise of a photo's size."""
    noise = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(PHOTO[::-1], Image.Resampling.BICUBIC)


# --- yardstick 1: the encoder passes alone ----------------------------------------------------------------------------


@torch.inference_mode()
def floor_pass(clip: BlockBackbone, pixels: torch.Tensor, crops: torch.Tensor) -> None:
    """One ordinary pass of the image and one of all crops, every token projected."""
    for batch in (pixels, crops):
        x, _ = clip.embed_patches(batch, positions="bilinear")
        for block in clip.blocks:
            x = block(x)
        clip.project(x)


# --- yardstick 2: step by step ----------------------------------------------------------------------------------------


@torch.inference_mode()
def step_by_step(clip: BlockBackbone, image: Image.Image, labels: EncodedLabels) -> torch.Tensor:
    """The spec in its own order: one image, attention maps of all layers, one class, one crop at a time."""
    tagger = TagClip(clip)
    pixels = tagger.lay(image)[None].to(clip.device)
    x, (rows, cols) = clip.embed_patches(pixels, positions="bilinear")
    x, maps, (q, k, v) = _layers_with_maps(clip, x)
    last = clip.blocks[-1]
    # the last attention is switched off by a mask: every token sees itself alone
    others = -100.0 * (1 - torch.eye(x.shape[1], device=x.device))
    x = _plain_rest(last, x, F.scaled_dot_product_attention(q, k, v, attn_mask=others))
    text = torch.cat([labels.embeds, labels.background])
    coarse = _probs(clip, clip.project(x)[0, 1:], text)
    stacked = torch.stack(maps)
    votes = torch.stack([m > m.mean() for m in stacked]).sum(dim=0) >= 4
    attention = stacked[8:11].mean(dim=0) * votes
    refined = _refine_classes(attention, coarse, (rows, cols))
    return _reidentify(clip, pixels, refined, text, (rows, cols))


def _layers_with_maps(
    clip: BlockBackbone, x: torch.Tensor
) -> tuple[torch.Tensor, list[torch.Tensor], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """All blocks but the last, the map of every block between patches, and queries, keys and values of the last."""
    maps = []
    for block in clip.blocks[:-1]:
        q, k, v = block.qkv(block.norm1(x))
        x = _plain_rest(block, x, F.scaled_dot_product_attention(q, k, v))
        maps.append(head_mean_probs(q, k)[0, 1:, 1:])
    last = clip.blocks[-1]
    q, k, v = last.qkv(last.norm1(x))
    return x, [*maps, head_mean_probs(q, k)[0, 1:, 1:]], (q, k, v)


def _plain_rest(block: Block, x: torch.Tensor, mixed: torch.Tensor) -> torch.Tensor:
    """A block after its attention."""
    return block.feed_forward(x + block.out(mixed))


def _probs(clip: BlockBackbone, embeds: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    return (clip.logit_scale * (F.normalize(embeds, dim=-1) @ text.T)).softmax(dim=-1)


def _refine_classes(attention: torch.Tensor, coarse: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    first = attention @ coarse
    columns = []
    for c in range(coarse.shape[1]):
        scores = first[:, c]
        scaled = ((scores - scores.min()) / (scores.max() - scores.min())).cpu().numpy().reshape(grid)
        levels = (scaled * 255).astype(np.uint8)
        found, _ = ndimage.label(levels > int(scaled.mean() * levels.max()), structure=np.ones((3, 3)))
        mask = np.zeros(grid, dtype=np.float32)
        for box in ndimage.find_objects(found):
            mask[box] = 1
        keys = torch.from_numpy(mask).flatten().to(attention)
        columns.append((attention * keys[None]) @ coarse[:, c])
    return torch.stack(columns, dim=1)


def _reidentify(
    clip: BlockBackbone,
    pixels: torch.Tensor,
    refined: torch.Tensor,
    text: torch.Tensor,
    grid: tuple[int, int],
) -> torch.Tensor:
    final = refined[:, :LABELS].amax(dim=0)
    local = final.clone()
    for c in local.topk(CANDIDATES).indices.sort().values.tolist():
        scores = refined[:, c].unflatten(0, grid)
        kept = (scores - scores.min()) / (scores.max() - scores.min()) > 0.5
        rows, cols = kept.any(dim=1).nonzero()[:, 0], kept.any(dim=0).nonzero()[:, 0]
        top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1
        crop = pixels[:, :, top * 16 : bottom * 16, left * 16 : right * 16]
        crop = F.interpolate(crop, size=(224, 224), mode="bilinear", align_corners=False)
        inside = F.interpolate(
            kept[None, None, top:bottom, left:right].float(), size=(14, 14), mode="nearest"
        )
        bias = torch.zeros(1, 1, 197, 197, device=pixels.device)
        bias[0, 0, 0, 1:] = -1000 * (1 - inside.flatten())
        x, _ = clip.embed_patches(crop, positions="bilinear")
        for block in clip.blocks:
            q, k, v = block.qkv(block.norm1(x))
            x = _plain_rest(block, x, F.scaled_dot_product_attention(q, k, v, attn_mask=bias))
        final[c] = 0.5 * local[c] + 0.5 * _probs(clip, clip.project(x[:, 0]), text)[0, c]
    return final


# --- CLS-SEG ----------------------------------------------------------------------------------------------------------


def cams_step_by_step(
    clip: BlockBackbone, image: Image.Image, labels: ClsSegLabels, tags: list[int]
) -> torch.Tensor:
    """CLIP-ES in its own order: eleven layers anew, then the last block forward and backward for one tag at a time."""
    method = ClsSeg(clip)
    pixels = method.tagger.lay(image)[None].to(clip.device)
    with torch.no_grad():
        x, grid = clip.embed_patches(pixels, positions="bilinear")
        x, maps, _ = _layers_with_maps(clip, x)
    text = torch.cat([labels.cam_embeds[tags], labels.cam_background])
    return torch.stack([_one_cam(clip, x, maps, text, k, grid) for k in range(len(tags))])


def _one_cam(
    clip: BlockBackbone,
    x: torch.Tensor,
    maps: list[torch.Tensor],
    text: torch.Tensor,
    k: int,
    grid: tuple[int, int],
) -> torch.Tensor:
    last = clip.blocks[-1]
    normed = last.norm1(x).detach().requires_grad_(True)
    q, key, v = last.qkv(normed)
    out = _plain_rest(last, x, F.scaled_dot_product_attention(q, key, v))
    pooled = clip.post_norm(out)[:, 1:].mean(dim=1)
    unit = F.normalize(clip.to_joint(pooled)[0], dim=-1)
    prob = (clip.logit_scale * (text @ unit)).softmax(dim=0)[k]
    (grad,) = torch.autograd.grad(prob, normed)
    with torch.no_grad():
        cam = (normed[0, 1:] @ grad[0, 1:].mean(dim=0)).relu()
        for _ in range(2):
            cam = cam - cam.min()
            cam = cam / (1e-7 + cam.max())
        scaled = cam.cpu().numpy().reshape(grid)
        levels = (scaled * 255).astype(np.uint8)
        found, _ = ndimage.label(levels > int(0.4 * levels.max()), structure=np.ones((3, 3)))
        mask = np.zeros(grid, dtype=np.float32)
        for box in ndimage.find_objects(found):
            mask[box] = 1
        affinity = torch.stack(maps[-8:]).mean(dim=0)
        for _ in range(3):
            affinity = affinity / affinity.sum(dim=0, keepdim=True)
            affinity = affinity / affinity.sum(dim=1, keepdim=True)
        affinity = (affinity + affinity.T) / 2
        return ((affinity @ affinity) * torch.from_numpy(mask).flatten().to(cam)[None]) @ cam


# --- timing -----------------------------------------------------------------------------------------------------------


def in_turns(
    jobs: dict[str, Callable[[], object]], repeats: int, device: str, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Seconds of every job, all jobs in each round."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for round_number in range(repeats + 1):
        for name, job in jobs.items():
            start = clock()
            job()
            if device == "cuda":
                torch.cuda.synchronize()
            if round_number:  # the first round warms caches and kernels up
                times[name].append(clock() - start)
    return times


def main() -> None:
    """Time everything and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--batch", type=int, default=8, help="images of the batch that is compared with one image"
    )
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--only", nargs="*", default=[], help="names of jobs; all when none is given")
    parser.add_argument("--threads", type=int, default=0, help="0 leaves torch's own choice")
    settings = parser.parse_args()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    clip = backbone(settings.device)
    labels = labels_for(clip)
    options = {"candidate_share": 0.0, "max_candidates": CANDIDATES}
    resources = Resources(batch_size=settings.batch)
    tagger = TagClip(clip, TagClipOptions(**options), resources=resources)
    cls_seg = ClsSeg(clip, ClsSegOptions(**options), resources=resources)
    images = [photo(seed) for seed in range(settings.batch)]
    tags = list(range(TAGS))
    shared = cls_seg.encode_images(images[:1])[0]
    pixels, crops = (
        tagger.lay(images[0])[None].to(clip.device),
        torch.randn(CANDIDATES, 3, 224, 224, device=clip.device),
    )

    def tag(some: list[Image.Image]) -> list[TagClipImage]:
        encoded = tagger.encode_images(some)
        tagger.tag_batch(encoded, labels)
        return encoded

    jobs: dict[str, Callable[[], object]] = {
        "floor": lambda: floor_pass(clip, pixels, crops),
        "tagclip": lambda: tag(images[:1]),
        "steps": lambda: step_by_step(clip, images[0], labels),
        "batch": lambda: tag(images),
        "cams": lambda: cls_seg.segment_tags(shared, labels, tags),
        "cam_steps": lambda: cams_step_by_step(clip, images[0], labels, tags),
    }
    mine = tagger.steps(tagger.encode_images(images[:1]), labels)[0][0].final
    difference = float((mine - step_by_step(clip, images[0], labels)).abs().max())
    cam_reference = cams_step_by_step(clip, images[0], labels, tags)
    cam_difference = float((cls_seg.steps(shared, labels, tags).spread.T - cam_reference).abs().max())
    if settings.only:
        jobs = {name: job for name, job in jobs.items() if name in settings.only}
    clock = time.process_time if settings.clock == "cpu" else time.perf_counter
    times = in_turns(jobs, settings.repeats, settings.device, clock)
    best = {name: min(seconds) for name, seconds in times.items()}
    if "batch" in best:
        best["batch"] /= settings.batch
    report = {
        "benchmark": "tagclip",
        "profile": tagger.profile.name,
        "device": settings.device,
        "hardware": torch.cuda.get_device_name()
        if settings.device == "cuda"
        else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "repeats": settings.repeats,
        "seconds_per_image": {name: round(seconds, 4) for name, seconds in best.items()},
        "clock": settings.clock,
        **{
            name: round(best[above] / best[below], 3)
            for name, above, below in RATIOS
            if above in best and below in best
        },
        "largest_score_difference": difference,
        "largest_cam_difference": cam_difference,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
