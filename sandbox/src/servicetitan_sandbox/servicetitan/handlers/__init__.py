"""Answers to the requests for lists, feeds and reports."""
