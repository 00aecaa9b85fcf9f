"""The local BigQuery: an emulator in a process of its own."""
