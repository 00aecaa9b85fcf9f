"""Singer messages on stdout."""
