"""The settings: declared, checked and typed."""
