"""Tensors in, tensors out: what stands in a paper's appendix."""
