"""Measures this tap and target beside comparable ones, on one machine: see README.md in this folder."""
