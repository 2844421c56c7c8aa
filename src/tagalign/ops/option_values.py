"""Choices and defaults of computations that options and flags read too: here, so that they need no torch for it."""

from typing import Literal

Factor = Literal["newton", "svd"]
"""How ``ops.alignment`` turns keys: by a few steps that leave weak directions short, or by an orthogonal matrix."""

KEY_WEIGHT = (
    0.08  # of centred keys in ``ops.alignment``: released; 0.3 for ADE20K and Cityscapes; 0 in the paper
)

FeedbackPath = Literal["line", "component", "none"]
"""Which patches of one label ``ops.feedback`` counts as joined."""
