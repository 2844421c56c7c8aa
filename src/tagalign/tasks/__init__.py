"""Answers about one image or one collection: tag, label, search."""
