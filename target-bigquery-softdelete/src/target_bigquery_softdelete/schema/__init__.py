"""Turns JSON Schema into the columns of a table, without I/O."""
