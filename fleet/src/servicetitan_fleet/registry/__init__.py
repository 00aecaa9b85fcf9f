"""The registry of companies: a YAML file or a BigQuery table, and where the companies' secrets are."""
