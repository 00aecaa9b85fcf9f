"""Helpers for the tests of the tap."""
