"""``tagalign reproduce``: published numbers, measured again."""
