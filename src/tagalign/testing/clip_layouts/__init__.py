"""One small CLIP in the forms in which CLIPs are published: what lies in the repositories of a model hub.

All layouts of one source folder hold the same numbers, so whatever opens them gives the same scores.
"""

from tagalign.testing.clip_layouts.repositories import CONVERSION_TITLE, clip_repositories

__all__ = ["CONVERSION_TITLE", "clip_repositories"]
