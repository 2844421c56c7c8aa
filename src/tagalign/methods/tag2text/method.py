"""What users call: Tag2Text as a tagger, captioner, answerer and ranker over frozen encoded images."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.finite import checked
from tagalign.backbones.preprocess import Preprocessing
from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet, Size
from tagalign.methods.choosing import obey
from tagalign.methods.looks.step import LookStep, finish_tagging, mark_of, open_step
from tagalign.methods.looks.taker import TakesLook
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.methods.tag2text.captioning import Decoding, answer_batch, caption_batch, check_question
from tagalign.methods.tag2text.guidance import Guidance, best_scores, guide, recognised_tags, scored_tags
from tagalign.methods.tag2text.image_value import Tag2TextImage, square_pixels, stacked_once
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.options import Tag2TextOptions
from tagalign.methods.tag2text.profiles import PROFILES, Tag2TextProfile, load_profile
from tagalign.methods.tag2text.resizing import at_size
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.tag_names import TagNames
from tagalign.methods.tag2text.wordpieces import Wordpieces
from tagalign.methods.thresholds import Threshold
from tagalign.types import Caption, EncodedLabels, Negatives, Tagging

METHOD = "tag2text"
TagLists = Sequence[Sequence[str] | None]


@dataclass(frozen=True, kw_only=True)
class OwnRules:
    """What a model brings and options leave as it is.

    Attributes:
        profile: it was trained with.
        decoding: its prompt and lengths.
        model: the network at the size it was trained at.
        pixels: of that size.
    """

    profile: Tag2TextProfile
    decoding: Decoding
    model: Tag2Text
    pixels: Preprocessing


class Tag2TextMethod(TakesLook):
    """Tag2Text behind the Protocols of ``methods.protocols``; keeps no state between calls.

    Attributes:
        method: ``tag2text``.
        model: the network.
        wordpieces: its tokenizer.
        tags: its tag list.
        choice: which tags count as recognised.
        threshold: a user's rule instead of ``choice``, or None.
        step: a look at the folder, or None.
        profile: see ``profiles``.
        decoding: how words are found.
        given: the options, before the model settled what they leave open.
        batch_size: images encoded at a time.
    """

    method = METHOD

    def __init__(
        self,
        model: Tag2Text,
        wordpieces: Wordpieces,
        tags: Sequence[str],
        *,
        choice: TagChoice,
        preprocessing: Preprocessing,
        profile: Tag2TextProfile = PROFILES["fixed"],
        threshold: Threshold | None = None,
        look: Path | None = None,
        decoding: Decoding | None = None,
        name: str = METHOD,
        weight_hash: str = "",
        batch_size: int = 16,
    ) -> None:
        self.model = model.eval()
        self.wordpieces = wordpieces
        self.tags = TagNames(tags)
        self.choice = choice
        self.threshold = threshold
        self.profile = profile
        self.decoding = decoding or Decoding(repetition_penalty=profile.repetition_penalty)
        self.preprocessing = preprocessing
        self.name = name
        self.weight_hash = weight_hash
        self.batch_size = batch_size
        self._own_rules = OwnRules(profile=profile, decoding=self.decoding, model=model, pixels=preprocessing)
        self.given = Tag2TextOptions(threshold=threshold, look=look, num_beams=self.decoding.num_beams)
        self.step: LookStep | None = None  # what is described below is without it
        self.step = open_step(look, self.look_facts())

    @cached_property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.tag_encoder.parameters()).device

    @cached_property
    def label_set(self) -> LabelSet:
        """The model's own tags as a label set, each name once."""
        names = dict.fromkeys(self.tags.names)
        return LabelSet(name=METHOD, labels=tuple(Label(name=name) for name in names))

    # ---------------------------------------------------------------- encode

    def seen_size(self, size: Size) -> Size:
        """See ``SaysSeenSize``."""
        return self.preprocessing.image_size, self.preprocessing.image_size

    def encode_images(self, images: Sequence[Image.Image]) -> list[Tag2TextImage]:
        """Image tokens and tag logits of upright RGB images; each is squeezed to the model's square, as in training."""
        encoded: list[Tag2TextImage] = []
        for start in range(0, len(images), self.batch_size):
            chunk = images[start : start + self.batch_size]
            pixels = [self.lay(image) for image in chunk]
            encoded += self.encode_pixels(pixels, [(image.height, image.width) for image in chunk])
        return encoded

    def lay(self, image: Image.Image) -> Float[Tensor, "3 side side"]:
        """Squeeze to the model's square and normalise: what a loading thread can do ahead."""
        return square_pixels(image, self.preprocessing)

    def pass_shape(self, size: Size) -> tuple[int, ...]:
        """All images share a pass: each is squeezed to one square."""
        return ()

    @torch.no_grad()
    def encode_pixels(
        self, pixels: Sequence[Float[Tensor, "3 side side"]], sizes: Sequence[Size]
    ) -> list[Tag2TextImage]:
        """The same from what ``lay`` made, in one pass."""
        tokens = self.model.image_encoder(torch.stack(list(pixels)).to(self.device))
        logits = checked(self.model.tag_logits(tokens), self.model, name=METHOD, what="tag logits")
        return [
            Tag2TextImage(method=METHOD, size=size, tokens=t, tag_logits=x)
            for size, t, x in zip(sizes, tokens, logits, strict=True)
        ]

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """Look labels up in the model's tag list, by name or alias; the embeddings are the tags' queries.

        Raises:
            InputError: if a label, or a word that excludes one, is not in the list.
        """
        embeds, owners = self._queries([self.tags.indices(label) for label in labels.labels])
        excluding = [self.tags.excluding(label) for label in labels.labels]
        rivals, against = self._queries(excluding)
        negatives = Negatives(embeds=rivals, owners=against) if any(excluding) else None
        return EncodedLabels(
            method=METHOD,
            label_set=labels,
            embeds=embeds,
            owners=owners,
            background=embeds[:0],
            negatives=negatives,
        )

    def _queries(self, tags: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Unit-length queries of the tags of each label, and the label of each."""
        owners = torch.tensor([i for i, own in enumerate(tags) for _ in own], dtype=torch.long)
        queries = self.model.tag_head.tag_vectors.detach()[[tag for own in tags for tag in own]]
        return F.normalize(queries, dim=-1), owners

    # ------------------------------------------------------------------- tag

    def tag(self, image: Tag2TextImage, labels: EncodedLabels) -> Tagging:
        """Probabilities of the labels, by the best of several tags behind one; 0 where a negative is likelier."""
        self._own(image)
        refuse_foreign_labels(labels, METHOD)
        probs, chosen = image.tag_logits.sigmoid(), self._chosen(image.tag_logits)
        groups = [self.tags.indices(label) for label in labels.label_set.labels]
        scores = [self._score(probs, label) for label in labels.label_set.labels]
        if self.step is not None:  # thresholds of the model hold for its own scores
            return finish_tagging(scores, labels.label_set, self.threshold or Threshold(), self.step)
        if self.threshold is not None:
            ids = self.threshold.choose(scores, labels.names)
        else:
            order = sorted(range(len(groups)), key=lambda i: -scores[i])
            ids = tuple(i for i in order if bool(chosen[groups[i]].any()))
        ids = obey(ids, scores, labels.label_set)
        return Tagging(names=labels.names, scores=tuple(scores), chosen=ids)

    def _score(self, probs: Float[Tensor, " tags"], label: Label) -> float:
        own, against = probs[self.tags.indices(label)].max(), probs[self.tags.excluding(label)]
        return float(own) if not len(against) or bool(own >= against.max()) else 0.0

    def recognise(self, image: Tag2TextImage) -> Tagging:
        """All tags of the model's list, in its order; names may repeat."""
        self._own(image)
        chosen = self._chosen(image.tag_logits).nonzero()[:, 0]
        order = chosen[image.tag_logits[chosen].argsort(descending=True, stable=True)]
        return Tagging(
            names=self.tags.names,
            scores=tuple(image.tag_logits.sigmoid().tolist()),
            chosen=tuple(order.tolist()),
        )

    def _chosen(self, logits: Float[Tensor, " tags"]) -> Bool[Tensor, " tags"]:
        if self.threshold is None:
            return self.choice.chosen(logits)
        ids = self.threshold.choose(logits.sigmoid().tolist(), self.tags.names)
        picked = torch.zeros_like(self.choice.deleted)
        picked[list(ids)] = True
        return (picked & ~self.choice.deleted).to(logits.device)

    # --------------------------------------------------------------- caption

    def guidance(
        self, image: Tag2TextImage, tags: Sequence[str] | None = None, *, both: bool = False
    ) -> Guidance:
        """The tags that guide a caption or an answer.

        Args:
            image: encoded by this method.
            tags: given by the user; recognised ones when None. Any words may be given, also outside the list.
            both: given tags first, then recognised ones.
        """
        self._own(image)
        given = [] if tags is None else [tag.strip().lower() for tag in tags if tag.strip()]
        words = list(dict.fromkeys(given))
        if tags is None or both:
            found = recognised_tags(
                image.tag_logits,
                self._chosen(image.tag_logits),
                self.tags.names,
                sure_first=self.profile.sure_first,
            )
            words += [tag for tag in found if not both or tag not in words]
        scores = best_scores(image.tag_logits, self.tags.names)
        return guide(words, scores, self.wordpieces, whole=self.profile.whole_tags)

    def caption(
        self, image: Tag2TextImage, *, tags: Sequence[str] | None = None, both: bool = False
    ) -> Caption:
        """A sentence guided by recognised tags, by given ones, or by both; see ``guidance``."""
        return self.captions([image], [tags], both=both)[0]

    def captions(
        self,
        images: Sequence[Tag2TextImage],
        tags: TagLists | None = None,
        *,
        both: bool = False,
        decoding: Decoding | None = None,
        first_index: int = 0,
    ) -> list[Caption]:
        """Sentences of several images as one batch; equal to captioning them one by one.

        Args:
            images: encoded by this method.
            tags: a list per image, or None for recognised tags.
            both: see ``guidance``.
            decoding: instead of the method's own.
            first_index: see ``caption_batch``.

        Returns:
            Text and, per tag that guided it, its probability (NaN for a given tag outside the list).
        """
        if not images:
            return []
        guides = [
            self.guidance(i, t, both=both) for i, t in zip(images, tags or [None] * len(images), strict=True)
        ]
        texts = caption_batch(
            self.model,
            self.wordpieces,
            torch.stack([image.tokens for image in images]),
            guides,
            decoding=decoding or self.decoding,
            mask_padding=self.profile.mask_padding,
            first_index=first_index,
        )
        return [Caption(text=t, tags=scored_tags(g)) for t, g in zip(texts, guides, strict=True)]

    # ---------------------------------------------------------------- answer

    def answer(self, image: Tag2TextImage, question: str, *, use_tags: bool = True) -> str:
        """A free-form answer; ``use_tags`` joins the recognised tags to the question."""
        return self.answers([image], [question], use_tags=use_tags)[0]

    def answers(
        self, images: Sequence[Tag2TextImage], questions: Sequence[str], *, use_tags: bool = True
    ) -> list[str]:
        """Answers to one question per image, as one batch.

        Raises:
            InputError: if a question is empty.
        """
        if not images:
            return []
        asked = [check_question(question) for question in questions]
        guides = [self.guidance(image, None if use_tags else ()) for image in images]
        tokens = torch.stack([image.tokens for image in images])
        return answer_batch(
            self.model, self.wordpieces, tokens, asked, guides, num_beams=self.decoding.num_beams
        )

    # ------------------------------------------------------------------ rank

    @torch.no_grad()
    def embed_images(self, images: Sequence[Tag2TextImage]) -> Float[Tensor, "images dim"]:
        """Unit-length embeddings for search."""
        found = self.model.aligned().embed_images(torch.stack([image.tokens for image in images]))
        return checked(found, self.model, name=METHOD, what="image embeddings")

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "texts dim"]:
        """Unit-length embeddings of sentences or keywords."""
        ids, mask = self.wordpieces.batch(texts, first=self.wordpieces.cls)
        found = self.model.aligned().embed_texts(ids.to(self.device), mask.to(self.device))
        return checked(found, self.model, name=METHOD, what="text embeddings", item="text")

    @torch.no_grad()
    def match(self, images: Sequence[Tag2TextImage], texts: Sequence[str]) -> Float[Tensor, " pairs"]:
        """Probability that image ``i`` and text ``i`` belong together, after cross-attention.

        Raises:
            InputError: if there are not as many images as texts.
        """
        if len(images) != len(texts):
            raise InputError(f"expected one text per image, got {len(images)} images and {len(texts)} texts")
        ids, mask = self.wordpieces.batch(texts, first=self.wordpieces.enc)
        tokens, rows = stacked_once(images)
        logits = self.model.aligned().match_logits(ids.to(self.device), mask.to(self.device), tokens, rows)
        logits = checked(logits, self.model, name=METHOD, what="matching scores", item="pair")
        return logits.softmax(dim=-1)[:, 1]

    # ---------------------------------------------------------------- report

    def describe(self) -> dict[str, object]:
        """What a result must name."""
        return {
            "model": self.name,
            "weight_hash": self.weight_hash,
            "method": METHOD,
            "profile": self.profile.name,
            "num_tags": len(self.tags.names),
            "image_size": self.preprocessing.image_size,
            "threshold": str(self.threshold) if self.threshold else "model",
            "num_beams": self.decoding.num_beams if self.decoding.top_p is None else None,
            "top_p": self.decoding.top_p,
            "seed": None if self.decoding.top_p is None else self.decoding.seed,
            "prompt": self.decoding.prompt,
            "min_tokens": self.decoding.length.minimum,
            "max_tokens": self.decoding.length.maximum,
            "look": mark_of(self.step),
        }

    @property
    def tag_threshold(self) -> Threshold:
        """Which labels are chosen as tags."""
        return self.threshold or Threshold()

    def with_options(self, options: Tag2TextOptions) -> "Tag2TextMethod":
        """The same method under other options; the network is shared.

        Raises:
            InputError: for lengths or a size that the network has no positions for, or a look of another model.
        """
        other = copy(self)
        other.given, other.threshold = options, options.threshold
        rules = self._own_rules
        other.model, other.preprocessing = at_size(rules.model, rules.pixels, options.image_size)
        other.profile = rules.profile if options.profile is None else load_profile(options.profile)
        other.decoding = replace(
            rules.decoding,
            num_beams=options.num_beams,
            top_p=options.top_p,
            seed=options.seed,
            repetition_penalty=other.profile.repetition_penalty,
            prompt=rules.decoding.prompt if options.prompt is None else options.prompt,
            length=rules.decoding.length.within(
                options.min_tokens,
                options.max_tokens,
                most=int(self.model.text_decoder.config.max_position_embeddings),
            ),
        )
        other.step = open_step(options.look, other.look_facts())
        return other

    def _own(self, image: Tag2TextImage) -> None:
        refuse_foreign(image.method, METHOD)
