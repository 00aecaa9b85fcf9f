"""SQL statements as text: pure functions."""
