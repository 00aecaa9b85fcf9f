"""State of the companies between runs: the storage, one record per company, and the claims on them."""
