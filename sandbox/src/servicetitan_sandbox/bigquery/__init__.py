"""The local BigQuery: an emulator in its own process, corrected where it differs from BigQuery."""
