"""HTML that we write: one stylesheet, galleries, tables, drawings."""
