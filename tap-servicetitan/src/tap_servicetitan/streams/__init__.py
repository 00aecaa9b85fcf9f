"""The SDK stream classes."""
