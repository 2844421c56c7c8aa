"""Verbs: flags in, lines and files out."""
