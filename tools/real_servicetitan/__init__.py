"""Asks a real ServiceTitan how it behaves, and writes it into docs/real-servicetitan.md without a value of a record."""
