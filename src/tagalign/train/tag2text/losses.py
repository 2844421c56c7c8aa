"""The tasks of Tag2Text on one batch: tagging, captioning, contrast, matching, answering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

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
from tagalign.ops.tag2text_losses import (
    asymmetric_sum_loss,
    caption_targets,
    hard_negative_probs,
    language_model_loss,
    matching_loss,
    rescaled_total,
)

TASKS = ("tagging", "captioning", "contrastive", "matching", "answering")
PRETRAINING = {"tagging": 1.0, "captioning": 1.0, "contrastive": 1.0, "matching": 1.0}

Tokens = Float[Tensor, "batch image_tokens width"]


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
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(PRETRAINING))
    use_tags: bool = True
    recognised_share: float = 0.0
    all_captions: bool = False
    prompt: str = PROMPT

    def __post_init__(self) -> None:
        if unknown := [name for name in self.weights if name not in TASKS]:
            raise InputError(f"unknown task {unknown[0]!r}; tasks are {', '.join(TASKS)}")
        if not any(weight > 0 for weight in self.weights.values()) or min(self.weights.values()) < 0:
            raise InputError(f"expected task weights of at least 0 and one above, got {dict(self.weights)}")
        if not 0 <= self.recognised_share <= 1:
            raise InputError(f"the share of recognised tags lies in [0, 1], got {self.recognised_share}")

    def has(self, task: str) -> bool:
        """Whether a task is trained."""
        return self.weights.get(task, 0.0) > 0


class TaskLosses:
    """Losses of a batch by name. Holds what does not change between steps.

    Attributes:
        model: the network.
        wordpieces: its tokenizer.
        names: its tag list.
        choice: what counts as recognised.
        profile: the switches.
        tasks: what is learned.
    """

    def __init__(
        self,
        model: Tag2Text,
        wordpieces: Wordpieces,
        names: Sequence[str],
        *,
        choice: TagChoice,
        profile: Tag2TextProfile,
        tasks: Tasks,
    ) -> None:
        self.model, self.wordpieces, self.names = model, wordpieces, tuple(names)
        self.choice, self.profile, self.tasks = choice, profile, tasks

    def __call__(self, batch: Tag2TextBatch, rng: Random) -> dict[str, Tensor]:
        """Every trained task's loss before its weight.

        Args:
            batch: on the model's device.
            rng: shuffles tags, draws guidance and negatives.
        """
        tokens = batch.images if batch.are_tokens else self.model.image_encoder(batch.images)
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
            joined = rescaled_total(losses["captioning"], losses["tagging"])
            rest = [weights[k] * v for k, v in losses.items() if k not in ("tagging", "captioning")]
            return joined + sum(rest, torch.zeros_like(joined))
        return sum((weights[k] * v for k, v in losses.items()), torch.zeros(()))

    def _needs_logits(self) -> bool:
        return self.tasks.has("tagging") or (self.tasks.use_tags and self.tasks.recognised_share > 0)

    def _tagging(self, logits: Float[Tensor, "batch tags"], batch: Tag2TextBatch) -> Tensor:
        ids = batch.image_tags if self.tasks.all_captions else batch.caption_tags
        targets = torch.stack([multi_hot(row, len(self.names)) for row in ids]).to(logits.device)
        loss = asymmetric_sum_loss(logits, targets)
        # the release sums over the batch and rescales; with a weight of its own the loss must not grow with the batch
        return loss if self.profile.rescale_tagging else loss / len(logits)

    def _captioning(self, tokens: Tokens, logits: Tensor | None, batch: Tag2TextBatch, rng: Random) -> Tensor:
        guidance = self._guidance(batch.caption_tags, logits, rng)
        ids, mask = tag_rows(
            guidance, self.wordpieces, pad_to=None if self.profile.mask_padding else MAX_TOKENS
        )
        prefix = self.tasks.prompt if self.profile.prompt_in_training else ""
        skipped = 1 + len(self.wordpieces.row(self.tasks.prompt))
        texts = [prefix + caption for caption in batch.captions]
        return self._language(tokens, ids, mask, texts, skipped=skipped)

    def _answering(self, tokens: Tokens, logits: Tensor | None, batch: Tag2TextBatch, rng: Random) -> Tensor:
        if not batch.questions:
            raise InputError("the task 'answering' needs questions, and the data has none")
        guidance = self._guidance(batch.image_tags, logits, rng)
        ids, mask = question_rows([q for q, _ in batch.questions], guidance, self.wordpieces)
        return self._language(tokens, ids, mask, [answer for _, answer in batch.questions], skipped=1)

    def _language(
        self,
        tokens: Tokens,
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
        return language_model_loss(logits, caption_targets(words, words_mask, skipped=skipped))

    def _guidance(
        self, parsed: Sequence[Sequence[int]], logits: Tensor | None, rng: Random
    ) -> list[Guidance]:
        return [
            self._one_guidance(ids, None if logits is None else logits[i].detach(), rng)
            for i, ids in enumerate(parsed)
        ]

    def _one_guidance(self, ids: Sequence[int], logits: Tensor | None, rng: Random) -> Guidance:
        if not self.tasks.use_tags:
            return Guidance(tags=())
        if logits is not None and rng.random() < self.tasks.recognised_share:
            tags = recognised_tags(
                logits, self.choice.chosen(logits), self.names, sure_first=self.profile.sure_first
            )
        else:
            tags = [self.names[i] for i in sorted(ids)]
            if self.profile.shuffle_tags:
                rng.shuffle(tags)
        return guide(tags, {}, self.wordpieces, whole=self.profile.whole_tags)

    def _alignment(self, tokens: Tokens, batch: Tag2TextBatch, rng: Random) -> dict[str, Tensor]:
        part = self.model.aligned()
        ids, mask = self.wordpieces.batch(batch.captions, first=self.wordpieces.cls)
        ids, mask = ids.to(tokens.device), mask.to(tokens.device)
        images, texts = part.embed_images(tokens), part.embed_texts(ids, mask)
        losses: dict[str, Tensor] = {}
        if self.tasks.has("contrastive"):
            losses["contrastive"] = contrastive_loss(images, texts, logit_scale=part.logit_scale)
        if self.tasks.has("matching"):
            similarity = (part.logit_scale * images @ texts.T).detach()
            losses["matching"] = self._matching(tokens, ids, mask, similarity, batch.captions, rng)
        return losses

    def _matching(
        self,
        tokens: Tokens,
        ids: Int[Tensor, "batch tokens"],
        mask: Bool[Tensor, "batch tokens"],
        similarity: Float[Tensor, "batch batch"],
        captions: Sequence[str],
        rng: Random,
    ) -> Tensor:
        """One positive and two hard negatives per pair: another image for the text, another text for the image."""
        same = torch.tensor([[a == b for b in captions] for a in captions], device=similarity.device)
        generator = torch.Generator().manual_seed(rng.getrandbits(62))
        texts = _draw(hard_negative_probs(similarity, same), generator)
        images = _draw(hard_negative_probs(similarity.T, same), generator)
        ids = ids.clone()
        ids[:, 0] = self.wordpieces.enc
        own = torch.arange(len(ids), device=ids.device)
        logits = self.model.aligned().match_logits(
            torch.cat([ids, ids, ids[texts]]),
            torch.cat([mask, mask, mask[texts]]),
            tokens,
            torch.cat([own, images, own]),
        )
        return matching_loss(logits[: len(ids)], logits[len(ids) :])


def _draw(probs: Float[Tensor, "batch batch"], generator: torch.Generator) -> Int[Tensor, " batch"]:
    return torch.multinomial(probs.cpu(), 1, generator=generator)[:, 0].to(probs.device)
