"""Runs the companies of a fleet, side by side, and says how each run ended."""
