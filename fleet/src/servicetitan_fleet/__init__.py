"""Runs the ServiceTitan to BigQuery pipeline for a fleet of companies, each in its own process and BigQuery project."""
