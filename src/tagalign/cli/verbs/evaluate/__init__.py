"""``tagalign evaluate``: a model on a benchmark."""
