"""Benchmarks of the papers in their own file formats; nothing is read that was not asked for."""

from tagalign.data.benchmarks.catalog import BENCHMARKS, Benchmark, find_benchmark, open_benchmark

__all__ = ["BENCHMARKS", "Benchmark", "find_benchmark", "open_benchmark"]
