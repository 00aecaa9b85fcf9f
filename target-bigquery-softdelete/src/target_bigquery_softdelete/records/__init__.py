"""Converts raw JSON records to Arrow tables, without I/O."""
