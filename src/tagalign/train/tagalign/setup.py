"""From settings to what a run is made of: loss terms, a seeded aligner, the optimiser, and the facts that name it."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.feature_pairs import FeaturePairs
from tagalign.errors import InputError
from tagalign.methods.dense.projector import NUM_BLOCKS, Projector
from tagalign.methods.labels import embed_names
from tagalign.ops.precision import Precision
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.optimiser import adamw
from tagalign.train.tagalign.aligner import Aligner, ContrastiveTerm, TagTerm
from tagalign.train.tagalign.distillation import ClassifierDistillation, Distilled, WordDistillation
from tagalign.train.tagalign.plan import DISTILLATION, LOSSES, TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.profiles import TrainProfile
from tagalign.train.tagalign.tag_losses import open_tag_loss


def loss_terms(
    backbone: BlockBackbone,
    profile: TrainProfile,
    weights: Mapping[str, float],
    *,
    vocabulary: TagVocabulary | None,
    split_kinds: bool = False,
    tag_embeds: Tensor | None = None,
    distilled: Distilled | None = None,
) -> list[tuple[str, float, nn.Module]]:
    """The explicit list of (name, weight, loss) of a run; a loss of weight 0 is not built.

    Raises:
        InputError: for an unknown name, a tag loss without a vocabulary, or a distillation without a teacher or into
            classifiers alone.
    """
    if unknown := weights.keys() - set(LOSSES):
        raise InputError(f"losses are {', '.join(LOSSES)}, got {min(unknown)!r}")
    terms: list[tuple[str, float, nn.Module]] = []
    if weights.get("tag", 0.0) != 0:
        if vocabulary is None or not len(vocabulary):
            raise InputError(
                "the tag loss needs a vocabulary with at least one tag; give one, or set its weight to 0"
            )
        if tag_embeds is None:
            tag_embeds = embed_names(backbone, vocabulary.names, [profile.template])
        kinds = [vocabulary.kinds.count(kind) for kind in dict.fromkeys(vocabulary.kinds)]
        term = TagTerm(
            tag_embeds,
            vocabulary.counts,
            loss=open_tag_loss(profile.loss),
            temperature=profile.temperature,
            prob_floor=profile.prob_floor,
            parts=kinds if split_kinds else None,
        )
        terms.append(("tag", weights["tag"], term))
    if weights.get("contrastive", 0.0) != 0:
        terms.append(
            ("contrastive", weights["contrastive"], ContrastiveTerm(temperature=profile.temperature))
        )
    if weights.get(DISTILLATION, 0.0) != 0:
        student = _distillation(backbone, profile, distilled)
        if not terms and not isinstance(student, TagTerm):
            raise InputError(
                "classifiers alone tie no image to a word; give the tag or the contrastive loss a weight too, or distil "
                "into words"
            )
        terms.append((DISTILLATION, weights[DISTILLATION], student))
    return terms


def _distillation(backbone: BlockBackbone, profile: TrainProfile, distilled: Distilled | None) -> nn.Module:
    if distilled is None:
        raise InputError("the distillation needs scores of a tagger; give a teacher, or set its weight to 0")
    teacher = distilled.teacher
    if distilled.student == "classifiers":
        return ClassifierDistillation(backbone.embed_dim, teacher.parts)
    embeds = embed_names(backbone, teacher.names, [profile.template])
    return WordDistillation(embeds, teacher.parts, temperature=profile.temperature)


def seeded_aligner(
    backbone: BlockBackbone,
    terms: list[tuple[str, float, nn.Module]],
    *,
    seed: int,
    num_blocks: int = NUM_BLOCKS,
) -> Aligner:
    """An aligner whose projector is the same for the same seed, whatever random numbers were drawn before.

    Args:
        backbone: whose head the projector copies.
        terms: of ``loss_terms``.
        seed: of the convolutions.
        num_blocks: gated convolutions.
    """
    # a seed inside: with and without a vocabulary, or after other draws, a run starts from the same projector
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        projector = Projector.from_backbone(backbone, num_blocks=num_blocks)
    return Aligner(projector.float(), terms)


def make_optimizer(aligner: Aligner, profile: TrainProfile, rate: float) -> torch.optim.Optimizer:
    """AdamW with the values of a profile."""
    return adamw(
        aligner,
        learning_rate=rate,
        betas=profile.betas,
        eps=profile.eps,
        weight_decay=profile.weight_decay,
        decay_scalars=profile.decay_scalars,
    )


def run_facts(
    backbone: BlockBackbone, data: TrainingPairs, plan: TagAlignPlan, precision: Precision
) -> dict[str, Any]:
    """What shapes the weights of a run, as JSON values; a resumed run must agree in all of them."""
    switches, vocabulary = plan.switches(), data.vocabulary
    facts: dict[str, Any] = {name: value for name, value in asdict(switches).items() if name != "name"}
    facts["betas"] = list(switches.betas)  # JSON gives lists back, and a resumed run compares
    return facts | {
        "profile": switches.name,
        "backbone": backbone.name,
        "backbone_hash": backbone.weight_hash,
        "loss_weights": dict(sorted(plan.losses.items())),
        "vocabulary": None if vocabulary is None else counted_vocabulary_hash(vocabulary),
        "vocabulary_size": 0 if vocabulary is None else len(vocabulary),
        "pairs": len(data.pairs) if isinstance(data.pairs, FeaturePairs) else None,
        "batch_size": plan.batch_size,
        "learning_rate": plan.top_rate(),
        "mode": plan.mode,
        "num_blocks": plan.num_blocks,
        "seed": plan.seed,
        "split_kinds": plan.split_kinds,
        "precision": precision,
        **plan.shape(),
        **({} if data.distilled is None else data.distilled.facts()),
    }


def counted_vocabulary_hash(vocabulary: TagVocabulary) -> str:
    """First 16 hex digits of the SHA-256 of names, kinds and counts."""
    rows = zip(vocabulary.names, vocabulary.kinds, vocabulary.counts, strict=True)
    text = "\n".join(f"{name}\t{kind}\t{count}" for name, kind, count in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
