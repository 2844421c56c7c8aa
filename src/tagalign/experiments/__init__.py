"""The demo, and the harness of every table on the tiny world: worlds, rows, and their scores through ``evaluate``."""
