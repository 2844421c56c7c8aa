"""Several processes that answer on one port."""
