"""Measures this tap and target and comparable ones on the same machine: see README.md in this folder."""
