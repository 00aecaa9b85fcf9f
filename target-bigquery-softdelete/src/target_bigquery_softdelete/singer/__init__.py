"""Reads Singer messages and batch files, and writes STATE."""
