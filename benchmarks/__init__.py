"""Measures this project and others of its kind, side by side on one machine: see README.md in this folder."""
