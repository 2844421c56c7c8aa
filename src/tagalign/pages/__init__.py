"""HTML that we write: whole pages with one stylesheet, and the galleries, tables and drawings that they are made of."""
