"""Raw JSON records to Arrow: pure functions."""
