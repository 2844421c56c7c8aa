"""Search over an index of photos; everything that asks goes through ``engine``."""
