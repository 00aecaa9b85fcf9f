"""Names of the datasets of a company, unless its settings say otherwise."""

from __future__ import annotations

TABLES = "bronze"
STAGING = "staging"
LOGS = "management"

DEFAULTS = {"dataset": TABLES, "staging_dataset": STAGING, "log_dataset": LOGS}
"""The target's settings that name datasets, and their defaults."""
