"""The health of the companies: how fresh their data is, and whether they could be run."""
