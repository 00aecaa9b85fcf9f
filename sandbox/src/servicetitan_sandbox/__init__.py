"""Development only: a local ServiceTitan and a local BigQuery, each in its own process on a free port."""
