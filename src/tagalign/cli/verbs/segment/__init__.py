"""``tagalign segment``: a label for every pixel of photos."""
