"""Names of the datasets of a company, unless its settings say otherwise."""

from __future__ import annotations

TABLES = "bronze"
STAGING = "staging"
LOGS = "management"

DEFAULTS = {"dataset": TABLES, "staging_dataset": STAGING, "log_dataset": LOGS}
"""The target's settings that name datasets, and their defaults."""

KEPT = ("dataset", "log_dataset")
"""Those whose tables must stay. Staging tables may expire."""

FREE_DAYS = 60
"""The lifetime of everything in a project without billing: https://cloud.google.com/bigquery/docs/sandbox#limits"""

_DAY_MS = 86_400_000


def expiration_problem(dataset: str, *, tables_ms: int | None, partitions_ms: int | None) -> str | None:
    """Return why the tables of a dataset would vanish, and how to prevent that; None if they would stay.

    A default lifetime applies to every table that is created without one, and takes its rows along without a word:
    https://cloud.google.com/bigquery/docs/updating-datasets#table-expiration

    Args:
        dataset: Its full name, `project.dataset`.
        tables_ms: Its `defaultTableExpirationMs`, in milliseconds.
        partitions_ms: Its `defaultPartitionExpirationMs`, in milliseconds.
    """
    lifetime = tables_ms or partitions_ms
    if not lifetime:
        return None
    days = lifetime / _DAY_MS
    lets = "lets every new table expire after" if tables_ms else "lets the partitions of every new table expire after"
    name = ":".join(dataset.rsplit(".", 1))
    command = f"bq update --default_table_expiration 0 --default_partition_expiration 0 {name}"
    free = " A project without billing always has this lifetime: then enable billing first." * (days == FREE_DAYS)
    return (
        f"The dataset `{dataset}` {lets} {days:g} days, so the tables of a run would vanish with "
        f"all their rows. Nothing was written. Switch that off with `{command}`, or set `on_expiration` to `clear`, "
        f"which keeps the tables of the target and leaves the dataset as it is.{free}"
    )
