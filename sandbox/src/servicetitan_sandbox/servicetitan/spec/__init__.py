"""What the API documents say of every endpoint."""
