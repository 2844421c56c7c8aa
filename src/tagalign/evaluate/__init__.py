"""Numbers for tables: questions to methods, and their scores."""
