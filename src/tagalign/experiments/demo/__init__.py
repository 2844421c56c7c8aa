"""``tagalign demo``: the whole job on drawn scenes, from captions to a report."""
