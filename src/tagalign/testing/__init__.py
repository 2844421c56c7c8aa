"""Doubles for users' tests: a small CLIP, an LLM server, a model hub."""
