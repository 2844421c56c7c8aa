"""What PIAA keeps of a photo while a folder is looked at, and the classifiers that come out of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.methods.groups import Group, split_groups
from tagalign.methods.label_rows import mean_rows
from tagalign.methods.piaa.classifier import PiaaClassifier
from tagalign.methods.piaa.profiles import TEXT_SCALE, PiaaProfile
from tagalign.ops.looks.bank import Bank
from tagalign.types import EncodedLabels

BANK_ROWS = 2**17
"""Patches of all labels together: 128 MB of 512 numbers in half precision, also for 10,000 labels."""


@dataclass(frozen=True, kw_only=True)
class BankSizes:
    """How many patches are kept.

    Attributes:
        label: of each label.
        photo: of each label from one photo.
    """

    label: int
    photo: int

    @classmethod
    def of(cls, keep: int, per_photo: int | None, num_labels: int) -> "BankSizes":
        """What was asked for, as far as ``BANK_ROWS`` allows."""
        label = max(1, min(keep, BANK_ROWS // num_labels))
        return cls(label=label, photo=min(label, per_photo or label))


@dataclass(frozen=True, kw_only=True, eq=False)
class CompetingWords:
    """What the patches of a photo are compared with, of one group of labels; the same for all photos.

    Attributes:
        ids: of the labels.
        text: one row per label, then the background words.
    """

    ids: Int[Tensor, " labels"]
    text: Float[Tensor, "words dim"]

    @classmethod
    def of(cls, labels: EncodedLabels) -> "list[CompetingWords]":
        """Of each group; labels of a group compete by themselves, background words with all."""
        return [cls(ids=torch.tensor(group.ids), text=words_of(group)) for group in split_groups(labels)]


def bank_of_photo(
    patches: Float[Tensor, "rows dim"], words: Sequence[CompetingWords], photo: int, sizes: BankSizes
) -> Bank:
    """The surest patches of one photo."""
    rows = patches.float().cpu()
    total = Bank.joined([_of_group(rows, group, photo, sizes) for group in words])
    return replace(total, patches=total.patches.half())


def _of_group(patches: Tensor, words: CompetingWords, photo: int, sizes: BankSizes) -> Bank:
    answers = len(words.ids)
    bank = Bank.of_photo(
        patches, words.text, photo=photo, scale=TEXT_SCALE, keep=sizes.photo, answers=answers
    )
    return replace(bank, labels=words.ids[bank.labels])


def words_of(group: Group) -> Float[Tensor, "words dim"]:
    """The labels of a group, then the background words."""
    return torch.cat([text_of(group), group.background.float().cpu()])


def text_of(group: Group) -> Float[Tensor, "labels dim"]:
    """One row per label: the mean of its words, for a Gaussian has one mean."""
    return mean_rows(group.embeds.float().cpu(), group.owners.cpu(), len(group.ids))


def classifiers_of(
    bank: Bank, labels: EncodedLabels, profile: PiaaProfile, *, temperature: float
) -> list[tuple[tuple[int, ...], PiaaClassifier]]:
    """Ids and classifier of each group of labels.

    Raises:
        InputError: if a group has too few patches to fit.
    """
    found = []
    for group in split_groups(labels):
        place = torch.full((len(labels.names),), -1, dtype=torch.long)
        place[list(group.ids)] = torch.arange(len(group.ids))
        own = bank.take((place[bank.labels] >= 0).nonzero()[:, 0])
        own = replace(own, labels=place[own.labels])
        text = text_of(group)
        found.append((group.ids, PiaaClassifier.of(own, text, profile, temperature=temperature)))
    return found


def bank_tensors(bank: Bank) -> dict[str, Tensor]:
    """As the tensors of a look."""
    return {f"bank.{name}": value for name, value in bank.tensors().items()}


def bank_from(tensors: dict[str, Tensor]) -> Bank:
    """Back from ``bank_tensors``.

    Raises:
        KeyError: if one is missing.
    """
    return Bank(**{name: tensors[f"bank.{name}"] for name in Bank.__dataclass_fields__})
