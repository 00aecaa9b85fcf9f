"""The process: signals, temporary files."""
