"""The command line `orchestrate-etl`: one module a command."""
