"""Directions of the papers: what a table's JSON says of each, and the page that shows them all."""
