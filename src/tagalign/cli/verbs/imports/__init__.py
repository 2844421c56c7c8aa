"""``tagalign import``: released checkpoints, and annotations of other tools."""
