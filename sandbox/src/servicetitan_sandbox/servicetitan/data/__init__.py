"""The records of a made-up company: how they look, and how they change."""
