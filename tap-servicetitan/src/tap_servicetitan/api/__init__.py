"""The ServiceTitan API over HTTP: sign-in, limits, retries, pages."""
