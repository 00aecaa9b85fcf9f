"""The SQL statements that the target sends, as text, without I/O."""
