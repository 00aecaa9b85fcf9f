"""Lets tests run against the real BigQuery, or rehearses that against the local one."""
