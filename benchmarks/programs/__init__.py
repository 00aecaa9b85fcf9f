"""Programs that are measured: each is run by its path."""
