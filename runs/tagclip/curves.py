"""The paper's curves: lambda, mu1, mu2, layers."""

from collections.abc import Sequence

import torch
from bench import Bench
from scenes import Scenes
from scores import Row, tag_row
from settings import FEW_SHARES, LAMBDAS, SHARES

from tagalign.data.tiny_world import OBJECTS
from tagalign.methods.tagclip.method import GroupSteps, TagClip
from tagalign.types import Tagging


def curves(bench: Bench, scenes: Scenes) -> dict[str, dict[str, Row]]:
    """Each curve with all else as chosen; lambda and mu1 read one pass over every crop that any of their points needs."""
    last = bench.clip.num_layers - 1
    single = {f"{i}": _layer_row(bench, scenes, (i,)) for i in range(last + 1)}
    fused = {f"{i} to {last - 1}": _layer_row(bench, scenes, tuple(range(i, last))) for i in range(last)}
    tagger = bench.tagger(candidate_share=min(SHARES))
    labels = tagger.encode_labels(bench.objects)
    steps = [found[0] for found in tagger.steps(tagger.encode_images(scenes.images), labels)]
    lambdas = {f"{v:g}": _row(tagger, steps, scenes, weight=v, share=0.5) for v in LAMBDAS}
    shares = {f"{v:g}": _row(tagger, steps, scenes, weight=0.5, share=v) for v in SHARES}
    regions = {f"{v:g}": tag_row(bench.tag(scenes, region_share=v), scenes.truth) for v in FEW_SHARES}
    return {
        "lambda (Fig. S2)": lambdas,
        "mu1 (Fig. S1)": shares,
        "mu2 (Fig. S1)": regions,
        "one layer, without second looks (Fig. 6)": single,
        "fused layers, without second looks (Fig. 6)": fused,
    }


def _layer_row(bench: Bench, scenes: Scenes, layers: tuple[int, ...]) -> Row:
    return tag_row(bench.tag(scenes, refine_layers=layers, reidentify=False), scenes.truth)


def _row(tagger: TagClip, steps: Sequence[GroupSteps], scenes: Scenes, *, weight: float, share: float) -> Row:
    """Scores with other weights, from second looks that were taken once."""
    names = tuple(OBJECTS)
    taggings = []
    for step in steps:
        scores = _fused(step, weight=weight, share=share)
        values = tuple(scores.clamp(0, 1).tolist())
        chosen = tagger.options.threshold.choose(values, names)
        taggings.append(Tagging(names=names, scores=values, chosen=chosen))
    return tag_row(taggings, scenes.truth)


def _fused(step: GroupSteps, *, weight: float, share: float) -> torch.Tensor:
    local, refined = step.scores.local, step.scores.refined
    seen = step.scores.candidates[step.regions.filled()]
    kept = local[seen] > refined.min() + share * (refined.max() - refined.min())
    final = local.clone()
    ids = seen[kept]
    final[ids] = weight * local[ids] + (1 - weight) * step.global_scores[kept].to(local)
    return final
