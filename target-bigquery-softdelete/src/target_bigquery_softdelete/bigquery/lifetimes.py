"""Whether what a run writes would expire: by the default of a dataset, or the lifetime of a table. Pure functions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from google.cloud import bigquery

from target_bigquery_softdelete.plugin_runtime.datasets import FREE_DAYS, expiration_problem

if TYPE_CHECKING:
    from google.cloud.bigquery.table import TableListItem

STAGING_LIFETIME = dt.timedelta(days=7)
"""How long a staging table exists. A run that dies leaves its own, so that you can look at them."""

STAGING_TIME_TRAVEL_HOURS = 48
"""The least that BigQuery allows. What a staging table held is billed so long after it is dropped."""

_DAY_MS = 86_400_000


def dataset_problem(dataset: bigquery.Dataset) -> str | None:
    """Return why the tables of a dataset would vanish, and how to prevent that; None if they would stay."""
    return expiration_problem(
        f"{dataset.project}.{dataset.dataset_id}",
        tables_ms=dataset.default_table_expiration_ms,
        partitions_ms=dataset.default_partition_expiration_ms,
    )


def may_lack_billing(dataset: bigquery.Dataset) -> bool:
    """Return whether the tables of a dataset vanish after as long as they always do in a project without billing."""
    return bool(dataset.default_table_expiration_ms == FREE_DAYS * _DAY_MS)


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
        days = "a day" if partition_days == 1 else f"{partition_days:g} days"
        return (
            f"the partitions of the table `{name}` expire after {days}, and their rows would vanish. "
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
