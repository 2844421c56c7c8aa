"""Both fits of PIAA on a bank of patches, and what they say of a photo."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from tagalign.errors import InputError
from tagalign.methods.piaa.profiles import SCORE_DIVISOR, PiaaProfile
from tagalign.ops.looks.bank import Bank, text_probs
from tagalign.ops.looks.gaussian import GaussianFit, fit_gaussians, patch_maxima, photo_scores, second_choice


@dataclass(frozen=True, kw_only=True)
class ScoreScales:
    """Constants of the last step, which the release chooses per data set.

    Attributes:
        cls: s_c, of the cosines of the class token.
        patch: s_p, of the best patches.
        class_weight: of the class token.
    """

    cls: float
    patch: float
    class_weight: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PiaaClassifier:
    """What the folder taught.

    Attributes:
        fit: the second fit.
        text: unit-length embedding of each label.
        is_dead: labels without a patch.
    """

    fit: GaussianFit
    text: Float[Tensor, "labels dim"]
    is_dead: Bool[Tensor, " labels"]

    @classmethod
    def of(
        cls, bank: Bank, text: Float[Tensor, "labels dim"], profile: PiaaProfile, *, temperature: float
    ) -> "PiaaClassifier":
        """Fit twice.

        Args:
            bank: the surest patches by the text.
            text: any norm.
            profile: which patches are fitted again.
            temperature: factor of the logits in the second choice, as released.

        Raises:
            InputError: if too little is left to fit.
        """
        unit = F.normalize(text.double(), dim=-1)
        try:
            first = fit_gaussians(bank.patches, bank.labels, bank.probs, unit)
            kept, labels, weights = second_choice(
                first.logits(bank.patches.double()), by=profile.second, temperature=temperature
            )
            second = fit_gaussians(bank.patches[kept], labels[kept], weights[kept], unit)
        except ValueError as error:
            raise InputError(
                f"the patches of this folder cannot be fitted: {error}; look at more photos, or other labels"
            ) from error
        return cls(fit=second, text=unit, is_dead=second.counts == 0)

    def logits(self, patches: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows labels"]:
        """Of patches of any norm."""
        return self.fit.logits(F.normalize(patches.double(), dim=-1))

    def scores(
        self, patches: Float[Tensor, "rows dim"], token: Float[Tensor, " dim"] | None, scales: ScoreScales
    ) -> Float[Tensor, " labels"]:
        """``class_weight * softmax(s_c cos) + (1 - class_weight) * softmax(s_p R)`` of one photo.

        R is the best softmax of a patch. Without a class token the patches speak alone. For ranking: not probabilities.
        """
        best = patch_maxima(self.logits(patches), divisor=SCORE_DIVISOR)
        by_patch = (scales.patch * best).softmax(dim=-1)
        if token is None:
            return by_patch
        by_token = text_probs(token.double()[None], self.text, scale=scales.cls)[0]
        return photo_scores(by_patch, by_token, class_weight=scales.class_weight)
