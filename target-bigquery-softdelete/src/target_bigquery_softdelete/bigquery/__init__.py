"""All input and output with BigQuery."""
