"""Runs the companies of a fleet in parallel, and reports how each run ended."""
