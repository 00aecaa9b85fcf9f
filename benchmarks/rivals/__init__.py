"""Targets of other projects, with their lock files."""
