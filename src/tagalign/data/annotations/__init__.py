"""What people drew and chose in other tools, read into one record, and what becomes of it here."""
