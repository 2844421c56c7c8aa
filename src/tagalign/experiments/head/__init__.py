"""TagAlign's head tables at matched coverage: world version 2, both embedded encoders, the frozen row first."""
