"""The tasks of Tag2Text on one batch: tagging, captioning, contrast, matching, answering."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.data.processes import Processes
from tagalign.data.tag2text.batches import Tag2TextBatch
from tagalign.data.tag2text.records import multi_hot
from tagalign.errors import InputError
from tagalign.methods.tag2text.captioning import PROMPT
from tagalign.methods.tag2text.guidance import Guidance, guide, question_rows, recognised_tags, tag_rows
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.profiles import Tag2TextProfile
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import MAX_TOKENS, Wordpieces
from tagalign.ops.losses import contrastive_loss
from tagalign.ops.momentum_contrast import PairEmbeds
from tagalign.ops.tag2text_losses import (
    asymmetric_sum_loss,
    caption_targets,
    counted_tokens,
    hard_negative_probs,
    language_model_loss,
    matching_loss,
    rescaled_total,
)
from tagalign.train.loop.distributed import gather_with_grad, mean_over_world, sum_over_world
from tagalign.train.loop.plan import as_listed
from tagalign.train.tag2text.momentum import MomentumContrast, MomentumPlan

TASKS = ("tagging", "captioning", "contrastive", "matching", "answering")
PRETRAINING = {"tagging": 1.0, "captioning": 1.0, "contrastive": 1.0, "matching": 1.0}

PatchTokens = Float[Tensor, "batch image_tokens width"]


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """What is learned and with which guidance.

    Attributes:
        weights: of each task of ``TASKS``; a task that is absent or 0 is not computed.
        use_tags: off trains captions and answers without any tag.
        recognised_share: share of images whose guidance is what the model recognises, not what the caption holds
            (the paper's second fine-tuning strategy; 0 while pre-training).
        all_captions: tagging learns the tags of all captions of an image (fine-tuning), not of the sampled one.
        prompt: of captions.
        momentum: of the contrastive loss; None compares within the batch alone.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(PRETRAINING))
    use_tags: bool = True
    recognised_share: float = 0.0
    all_captions: bool = False
    prompt: str = PROMPT
    momentum: MomentumPlan | None = None

    def __post_init__(self) -> None:
        if unknown := [name for name in self.weights if name not in TASKS]:
            raise InputError(f"unknown task {unknown[0]!r}; tasks are {', '.join(TASKS)}")
        if not any(weight > 0 for weight in self.weights.values()) or min(self.weights.values()) < 0:
            raise InputError(f"expected task weights of at least 0 and one above, got {dict(self.weights)}")
        if not 0 <= self.recognised_share <= 1:
            raise InputError(f"the share of recognised tags lies in [0, 1], got {self.recognised_share}")
        if self.momentum is not None and not self.has("contrastive"):
            raise InputError(
                "a momentum encoder and a queue belong to the contrastive loss, which is left out"
            )

    def has(self, task: str) -> bool:
        """Whether a task is trained."""
        return self.weights.get(task, 0.0) > 0

    def deciding(self) -> dict[str, Any]:
        """As JSON gives it back; without what is off, so that runs from before it was there go on."""
        values: dict[str, Any] = as_listed(asdict(self))
        return {name: value for name, value in values.items() if name != "momentum" or value is not None}


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskLosses:
    """Losses of a batch by name. Holds what does not change between steps.

    With several processes each computes the losses of its images; their mean over the processes is the loss of the whole
    batch. What is drawn is drawn for the whole batch in every process.

    Attributes:
        model: the network.
        wordpieces: its tokenizer.
        names: its tag list.
        choice: what counts as recognised.
        profile: the switches.
        tasks: what is learned.
        processes: that share the batch.
        momentum: what the contrastive loss compares with beside the batch; None for nothing.
        encode: a compiled form of the image encoder.
    """

    model: Tag2Text
    wordpieces: Wordpieces
    names: Sequence[str]
    choice: TagChoice
    profile: Tag2TextProfile
    tasks: Tasks
    processes: Processes = field(default_factory=Processes)
    momentum: MomentumContrast | None = None
    encode: Callable[[Tensor], PatchTokens] | None = None

    def image_tokens(
        self,
        batch: Tag2TextBatch,
        rows: slice = slice(None),
    ) -> PatchTokens:
        """What the tasks know of some images of a batch; of all by default."""
        images = batch.images[rows]
        return images if batch.are_tokens else (self.encode or self.model.image_encoder)(images)

    def __call__(
        self, batch: Tag2TextBatch, rng: Random, *, tokens: PatchTokens | None = None
    ) -> dict[str, Tensor]:
        """Every trained task's loss before its weight.

        Args:
            batch: on the model's device.
            rng: shuffles tags, draws guidance and negatives.
            tokens: of ``image_tokens``, where they were encoded before.
        """
        # once for all tasks: the image encoder is most of a step
        tokens = self.image_tokens(batch) if tokens is None else tokens
        losses: dict[str, Tensor] = {}
        logits = self.model.tag_logits(tokens) if self._needs_logits() else None
        if self.tasks.has("tagging") and logits is not None:
            losses["tagging"] = self._tagging(logits, batch)
        if self.tasks.has("captioning"):
            losses["captioning"] = self._captioning(tokens, logits, batch, rng)
        if self.tasks.has("contrastive") or self.tasks.has("matching"):
            losses |= self._alignment(tokens, batch, rng)
        if self.tasks.has("answering"):
            losses["answering"] = self._answering(tokens, logits, batch, rng)
        return losses

    def total(self, losses: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """Weighted sum; with the release's rescaling the tagging loss first takes the value of the caption loss."""
        weights = self.tasks.weights
        if self.profile.rescale_tagging and {"tagging", "captioning"} <= losses.keys():
            joined = self._rescaled(losses["captioning"], losses["tagging"])
            rest = [weights[k] * v for k, v in losses.items() if k not in ("tagging", "captioning")]
            return joined + sum(rest, torch.zeros_like(joined))
        return sum((weights[k] * v for k, v in losses.items()), torch.zeros(()))

    def _rescaled(self, captioning: Tensor, tagging: Tensor) -> Tensor:
        if self.processes.size == 1:
            return rescaled_total(captioning, tagging)
        whole = mean_over_world({"captioning": captioning, "tagging": tagging}, self.processes)
        return rescaled_total(captioning, tagging, whole=(whole["captioning"], whole["tagging"]))

    def _needs_logits(self) -> bool:
        return self.tasks.has("tagging") or (self.tasks.use_tags and self.tasks.recognised_share > 0)

    def _tagging(self, logits: Float[Tensor, "batch tags"], batch: Tag2TextBatch) -> Tensor:
        ids = batch.image_tags if self.tasks.all_captions else batch.caption_tags
        targets = torch.stack([multi_hot(row, len(self.names)) for row in ids[batch.own]])
        loss = asymmetric_sum_loss(logits, targets.to(logits.device))
        # the release sums over the batch and rescales; with a weight of its own the loss must not grow with the batch
        return loss * self.processes.size if self.profile.rescale_tagging else loss / len(logits)

    def _captioning(
        self, tokens: PatchTokens, logits: Tensor | None, batch: Tag2TextBatch, rng: Random
    ) -> Tensor:
        guidance = self._guidance(batch.caption_tags, logits, rng, own=batch.own)
        ids, mask = tag_rows(
            guidance, self.wordpieces, pad_to=None if self.profile.mask_padding else MAX_TOKENS
        )
        prefix = self.tasks.prompt if self.profile.prompt_in_training else ""
        skipped = 1 + len(self.wordpieces.row(self.tasks.prompt))
        texts = [prefix + caption for caption in batch.captions[batch.own]]
        return self._language(tokens, ids, mask, texts, skipped=skipped)

    def _answering(
        self, tokens: PatchTokens, logits: Tensor | None, batch: Tag2TextBatch, rng: Random
    ) -> Tensor:
        if not batch.questions:
            raise InputError("the task 'answering' needs questions, and the data has none")
        guidance = self._guidance(batch.image_tags, logits, rng, own=batch.own)
        asked = batch.questions[batch.own]
        ids, mask = question_rows([question for question, _ in asked], guidance, self.wordpieces)
        return self._language(tokens, ids, mask, [answer for _, answer in asked], skipped=1)

    def _language(
        self,
        tokens: PatchTokens,
        ids: Int[Tensor, "batch tokens"],
        mask: Bool[Tensor, "batch tokens"],
        texts: Sequence[str],
        *,
        skipped: int,
    ) -> Tensor:
        ids, mask = ids.to(tokens.device), mask.to(tokens.device)
        states = self.model.tag_states(ids, mask, tokens)
        words, words_mask = self.wordpieces.batch(texts, first=self.wordpieces.dec)
        words, words_mask = words.to(tokens.device), words_mask.to(tokens.device)
        seen = mask if self.profile.mask_padding else None
        logits = self.model.caption_logits(words, words_mask, states, seen)
        targets = caption_targets(words, words_mask, skipped=skipped)
        return language_model_loss(logits, targets, count=self._mean_tokens(targets))

    def _mean_tokens(self, targets: Int[Tensor, "batch tokens"]) -> float | None:
        """Tokens of the whole batch per process, which each divides its sum by; None where there is one process."""
        if self.processes.size == 1:
            return None
        return max(1.0, float(sum_over_world(counted_tokens(targets), self.processes))) / self.processes.size

    def _guidance(
        self, parsed: Sequence[Sequence[int]], logits: Tensor | None, rng: Random, *, own: slice
    ) -> list[Guidance]:
        """Guidance of this process's images.

        Args:
            parsed: tag ids of the whole batch.
            logits: of this process's images.
            rng: the same in every process.
            own: rows of this process.
        """
        # drawn for all images, so that those of this process are drawn alike however many share the batch
        drawn = [self._drawn_tags(ids, rng, may_recognise=logits is not None) for ids in parsed]
        return [
            self._one_guidance(tags, None if logits is None else logits[i].detach())
            for i, tags in enumerate(drawn[own])
        ]

    def _drawn_tags(self, ids: Sequence[int], rng: Random, *, may_recognise: bool) -> list[str] | None:
        """Names of parsed tags in the order in which they are given; None where the recognised ones are."""
        if not self.tasks.use_tags:
            return []
        if may_recognise and rng.random() < self.tasks.recognised_share:
            return None
        tags = [self.names[i] for i in sorted(ids)]
        if self.profile.shuffle_tags:
            rng.shuffle(tags)
        return tags

    def _one_guidance(self, tags: list[str] | None, logits: Tensor | None) -> Guidance:
        if not self.tasks.use_tags:
            return Guidance(tags=())
        if tags is None:
            assert logits is not None  # what is recognised was drawn because there are logits
            chosen = self.choice.chosen(logits)
            tags = recognised_tags(logits, chosen, self.names, sure_first=self.profile.sure_first)
        return guide(tags, {}, self.wordpieces, whole=self.profile.whole_tags)

    def _alignment(self, tokens: PatchTokens, batch: Tag2TextBatch, rng: Random) -> dict[str, Tensor]:
        part, world = self.model.aligned(), self.processes
        ids, mask = self.wordpieces.batch(batch.captions, first=self.wordpieces.cls)
        ids, mask = ids.to(tokens.device), mask.to(tokens.device)
        images, texts = part.embed_images(tokens), part.embed_texts(ids[batch.own], mask[batch.own])
        all_images, all_texts = gather_with_grad(images, world), gather_with_grad(texts, world)
        losses: dict[str, Tensor] = {}
        if self.tasks.has("contrastive") and self.momentum is not None:
            losses["contrastive"] = self.momentum.loss(
                PairEmbeds(images, texts),
                batch.images,
                (ids[batch.own], mask[batch.own]),
                are_tokens=batch.are_tokens,
                processes=world,
            )
        elif self.tasks.has("contrastive"):
            losses["contrastive"] = contrastive_loss(
                images,
                texts,
                logit_scale=part.logit_scale,
                all_images=all_images if world.size > 1 else None,
                all_texts=all_texts if world.size > 1 else None,
                offset=world.rank * len(images),
            )
        if self.tasks.has("matching"):
            similarity = (part.logit_scale * all_images @ all_texts.T).detach()
            losses["matching"] = self._matching(tokens, ids, mask, similarity, batch, rng)
        return losses

    def _matching(
        self,
        tokens: PatchTokens,
        ids: Int[Tensor, "total tokens"],
        mask: Bool[Tensor, "total tokens"],
        similarity: Float[Tensor, "total total"],
        batch: Tag2TextBatch,
        rng: Random,
    ) -> Tensor:
        """One positive and two hard negatives per pair: another image for the text, another text for the image.

        Negatives come from the whole batch, also from images that other processes hold.
        """
        captions, own = batch.captions, batch.own
        same = torch.tensor([[a == b for b in captions] for a in captions], device=similarity.device)
        generator = torch.Generator().manual_seed(rng.getrandbits(62))
        texts = _draw(hard_negative_probs(similarity, same), generator)[own]
        images = _draw(hard_negative_probs(similarity.T, same), generator)[own]
        ids = ids.clone()
        ids[:, 0] = self.wordpieces.enc
        rows = torch.arange(len(ids), device=ids.device)[own]
        logits = self.model.aligned().match_logits(
            torch.cat([ids[own], ids[own], ids[texts]]),
            torch.cat([mask[own], mask[own], mask[texts]]),
            gather_with_grad(tokens, self.processes),
            torch.cat([rows, images, rows]),
        )
        return matching_loss(logits[: len(rows)], logits[len(rows) :])


def _draw(probs: Float[Tensor, "batch batch"], generator: torch.Generator) -> Int[Tensor, " batch"]:
    # on the CPU: its generator gives the same draws on every device and in every process
    return torch.multinomial(probs.cpu(), 1, generator=generator)[:, 0].to(probs.device)
