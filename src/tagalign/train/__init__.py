"""What changes parameters: one loop, a trainee per method."""
