"""The command line `orchestrate-etl`, one module per command."""
