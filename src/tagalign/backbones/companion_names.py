"""The companion that is taken when none is named; options and help name it without importing torch."""

DEFAULT = "facebook/dinov2-base"
"""Patch 14: a quarter of the cost of a DINO with patch 8. Code and weights Apache-2.0."""
