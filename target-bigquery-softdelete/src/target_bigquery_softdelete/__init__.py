"""A Singer target for BigQuery that writes only what changed and marks what disappeared."""
