"""Encoders made to answer: dense modes, TagAlign, TagCLIP and more."""
