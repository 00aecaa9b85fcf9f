"""Runs the pipeline for a fleet of companies: each one alone, in its own process, into its own BigQuery project."""
