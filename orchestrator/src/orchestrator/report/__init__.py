"""The report: one HTML page that shows the fleet, and asks nobody for anything."""
