"""Bytes to Singer messages and back."""
