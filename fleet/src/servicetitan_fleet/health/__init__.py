"""How every company is doing: freshness from evidence, and checks before a run."""
