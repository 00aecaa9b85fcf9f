"""Development only: a local ServiceTitan and a local BigQuery, each a process of its own on a free port."""
