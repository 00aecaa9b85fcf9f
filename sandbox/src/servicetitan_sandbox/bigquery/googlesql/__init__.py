"""The GoogleSQL analyzer: an independent judge of statements, for the local BigQuery and for tests."""
