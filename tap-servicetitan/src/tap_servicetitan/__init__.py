"""Singer tap for the ServiceTitan API."""
