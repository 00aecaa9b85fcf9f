"""Nights of a fleet in virtual time: real plans, claims and decisions; made-up companies, clocks and storage."""
