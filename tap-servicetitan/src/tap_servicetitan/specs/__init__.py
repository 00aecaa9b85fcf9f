"""The streams as data: one file per API area, one spec per stream."""
