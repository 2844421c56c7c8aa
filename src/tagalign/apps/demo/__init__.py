"""The demo and the tables of ``docs/results.md``: the whole job on drawn scenes, from captions to a report."""
