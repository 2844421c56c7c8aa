"""Transformer towers of plain PyTorch: the shapes of all families by their sizes and switches."""
