"""Measured programs, and the server they use. Each is run by its path."""
