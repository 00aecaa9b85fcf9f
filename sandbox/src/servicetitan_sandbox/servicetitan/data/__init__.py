"""The records of a simulated company: how they look and how they change."""
