"""What the parts of a score weigh. Without torch, so that help texts can name the defaults."""

TAG_WEIGHT = 0.3
"""Of matching tags, beside the cosine of the embeddings."""
MATCH_WEIGHT = 1.0
"""Of the matching head's probability, on the shortlist."""
SHORTLIST = 32
"""Photos per query that the matching head looks at."""
