"""The status of a fleet as one HTML page."""
