"""``tagalign train``: a projector from image-caption pairs."""
