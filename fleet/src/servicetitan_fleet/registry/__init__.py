"""Which companies there are, and where their settings and secrets come from."""
