"""Whether what a run writes would expire: because a dataset has default lifetimes, or a table has one. Pure functions.

A default lifetime applies to every table that is created without one, and takes all its rows with it, without a word:
https://cloud.google.com/bigquery/docs/updating-datasets#table-expiration. A partition's lifetime takes its rows.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from google.cloud import bigquery

if TYPE_CHECKING:
    from google.cloud.bigquery.table import TableListItem

STAGING_LIFETIME = dt.timedelta(days=7)
"""How long a staging table exists. A run that dies leaves its own, so that you can look at them."""

STAGING_TIME_TRAVEL_HOURS = 48
"""The least that BigQuery allows. What a staging table held is billed so long after it is dropped."""

FREE_DAYS = 60
"""The lifetime of everything in a project without billing: https://cloud.google.com/bigquery/docs/sandbox#limits"""

_DAY_MS = 86_400_000


def dataset_problem(dataset: bigquery.Dataset) -> str | None:
    """Return why the tables of a dataset would vanish, and how to prevent that; None if they would stay."""
    tables, partitions = dataset.default_table_expiration_ms, dataset.default_partition_expiration_ms
    if not tables and not partitions:
        return None
    things = "every new table" if tables else "the partitions of every new table"
    days = (tables or partitions) / _DAY_MS
    name = f"{dataset.project}:{dataset.dataset_id}"
    free = " A project without billing always has this lifetime: then enable billing first." * (days == FREE_DAYS)
    command = f"bq update --default_table_expiration 0 --default_partition_expiration 0 {name}"
    return (
        f"The dataset `{dataset.project}.{dataset.dataset_id}` lets {things} expire after {days:g} days, so the tables "
        f"of this run would vanish with all their rows. Nothing was written. Switch that off with `{command}`, or set "
        "`on_expiration` to `clear`, which keeps the tables of this target and leaves the dataset as it is."
        f"{free}"
    )


def table_problem(table: bigquery.Table | TableListItem) -> str | None:
    """Return why a table or its rows would vanish, and how to prevent that; None if they would stay."""
    name = f"{table.project}.{table.dataset_id}.{table.table_id}"
    flat = f"{table.project}:{table.dataset_id}.{table.table_id}"
    otherwise = "or set `on_expiration` to `clear`; `allow` leaves it so"
    if table.expires:
        return (
            f"the table `{name}` expires at {table.expires:%Y-%m-%d %H:%M} UTC and would vanish with all its rows. "
            f"Nothing of the stream was written. Switch that off with `bq update --expiration 0 {flat}`, {otherwise}."
        )
    if partition_days := (partition_lifetime_ms(table) or 0) / _DAY_MS:
        return (
            f"the partitions of the table `{name}` expire after {partition_days:g} days, and their rows would vanish. "
            "Nothing of the stream was written. Switch that off with `bq update --time_partitioning_expiration 0 "
            f"{flat}`, {otherwise}."
        )
    return None


def partition_lifetime_ms(table: bigquery.Table | TableListItem) -> int | None:
    """Return how long a partition of a table exists, in milliseconds; None for ever, or without partitions by time."""
    partitioning = table.time_partitioning
    lifetime: int | None = partitioning.expiration_ms if partitioning else None
    return lifetime


def without_lifetimes(table: bigquery.Table | TableListItem) -> tuple[bigquery.Table, list[str]]:
    """Return a table that does not expire, and the names of the fields to update."""
    # Without an ETag: rows that were written since have changed it, and no other change is overwritten.
    kept, fields = bigquery.Table(f"{table.project}.{table.dataset_id}.{table.table_id}"), ["expires"]
    kept.expires = None
    if partition_lifetime_ms(table):
        partitioning = bigquery.TimePartitioning.from_api_repr(dict(table.time_partitioning.to_api_repr()))
        partitioning.expiration_ms = None
        kept.time_partitioning = partitioning
        fields.append("time_partitioning")
    return kept, fields
