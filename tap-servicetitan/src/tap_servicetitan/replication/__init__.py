"""How a source is read completely, and from where the next run continues."""
