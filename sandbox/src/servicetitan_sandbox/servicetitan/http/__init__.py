"""Requests, pages, problems and faults, as HTTP shows them."""
