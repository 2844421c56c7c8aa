"""``tagalign compare``: two results of a benchmark, or two parses of the same captions."""
