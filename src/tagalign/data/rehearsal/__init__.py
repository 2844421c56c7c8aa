"""Drawn copies of benchmarks in their official layout and size: what a run will do, before anybody has the data."""

from tagalign.data.rehearsal.copy import write_copy

__all__ = ["write_copy"]
