"""Compound prompts: sentences that name several labels, and which labels each of them names."""
