"""``tagalign labels``: lists of labels, checked, imported and compared."""
