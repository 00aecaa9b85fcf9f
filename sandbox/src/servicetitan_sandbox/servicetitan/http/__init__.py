"""Requests and responses: access, parameters, pages, problems, feed tokens and faults."""
