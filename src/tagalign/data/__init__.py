"""Files to records: pairs, features, benchmarks, the drawn world."""
