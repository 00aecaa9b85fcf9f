"""Start the local servers and work with them from Python: for tests, benchmarks and demonstrations."""
