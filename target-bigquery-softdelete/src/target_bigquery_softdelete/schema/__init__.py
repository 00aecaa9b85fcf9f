"""JSON Schema to the columns of a table: pure functions."""
