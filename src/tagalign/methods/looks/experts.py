"""Template experts of a look: how sure each template is of each label on a folder, in exact sums that merge in any order.

Reference: FLOSS, arXiv:2504.10487; the spec's profile ``fixed``, on patches.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tagalign.ops.looks.exact_sums import ExactSums
from tagalign.ops.looks.experts import TemplateSums, choose_experts

TOP = 4
"""Templates of a label (released)."""
LEAST_PATCHES = 50
"""That a template must have given to a label to count for it."""


@dataclass(frozen=True, kw_only=True)
class Experts:
    """Plain values; one number per template and label, the labels of the first template first.

    Attributes:
        templates: how many.
        entropy: sums over the patches that a template gives to a label, in nats.
        patches: how many they were.
    """

    templates: int
    entropy: ExactSums
    patches: tuple[int, ...]

    @classmethod
    def of(cls, sums: TemplateSums) -> "Experts":
        """Of one photo."""
        return cls(
            templates=len(sums.entropy),
            entropy=ExactSums.of(sums.entropy.double().cpu().numpy().reshape(1, -1)),
            patches=tuple(sums.pixels.flatten().tolist()),
        )

    def __add__(self, other: "Experts") -> "Experts":
        """Of the photos of both; exact.

        Raises:
            ValueError: for other templates or labels.
        """
        if (self.templates, len(self.patches)) != (other.templates, len(other.patches)):
            raise ValueError(f"{other.templates} templates cannot be added to {self.templates}")
        patches = tuple(a + b for a, b in zip(self.patches, other.patches, strict=True))
        return Experts(templates=self.templates, entropy=self.entropy + other.entropy, patches=patches)

    def chosen(self) -> list[tuple[int, ...]]:
        """Templates of each label, the surest first; none where no template gave it enough patches."""
        entropy = np.array([float(one) for one in self.entropy.fractions()])
        sums = TemplateSums(
            entropy=torch.from_numpy(entropy).unflatten(0, (self.templates, -1)),
            pixels=torch.tensor(self.patches).unflatten(0, (self.templates, -1)),
        )
        return choose_experts(sums, top=TOP, least_pixels=LEAST_PATCHES)

    def values(self) -> dict[str, Any]:
        """As JSON values; ``from_values`` reads them."""
        return {"templates": self.templates, "entropy": self.entropy.texts(), "patches": list(self.patches)}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "Experts":
        """Back from ``values``.

        Raises:
            ValueError, KeyError, TypeError: for anything else.
        """
        found = cls(
            templates=int(values["templates"]),
            entropy=ExactSums.from_texts(values["entropy"]),
            patches=tuple(map(int, values["patches"])),
        )
        if len(found.entropy.units) != len(found.patches) or len(found.patches) % max(1, found.templates):
            raise ValueError("sums of experts that do not fit together")
        return found
