"""The demo, and the harness of every table on the tiny world. Scores come from ``evaluate``."""
