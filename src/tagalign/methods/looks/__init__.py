"""A look: what was learned from a folder of photos without labels, kept beside the label set, and how taggers use it."""
