"""The local ServiceTitan: made-up records, the public API, and a control API for tests."""
