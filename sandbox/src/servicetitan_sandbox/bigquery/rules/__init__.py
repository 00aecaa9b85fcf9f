"""The rules of BigQuery that the emulator lacks. Each module adds those of one kind, with its `install`."""
