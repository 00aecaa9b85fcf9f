"""The report: the state of a fleet as one HTML page."""
