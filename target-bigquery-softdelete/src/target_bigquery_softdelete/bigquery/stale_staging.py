"""Finds the staging tables that dead runs left behind. Pure functions."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Protocol

from target_bigquery_softdelete.bigquery.tenancy import TENANT_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STAGING_LABELS = {"made_by": "target-bigquery-softdelete"}
"""Labels of every staging table, in addition to those of the settings."""

OLDEST = dt.timedelta(days=1)
"""No run takes longer, so older tables belong to a dead run."""

MOST_AT_ONCE = 20
"""How many tables one run removes. The next run removes the rest, or they expire."""

_NAME = re.compile(r".+__(?P<time>\d{8}T\d{6})_[0-9a-f]{8}_\d+")


class ListedTable(Protocol):
    """A table in a list of tables."""

    @property
    def table_id(self) -> str:
        """Its name."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""

    @property
    def created(self) -> dt.datetime | None:
        """When it was created, by BigQuery's clock."""


def stale_tables(tables: Iterable[ListedTable], tenant: str | None, now: dt.datetime) -> list[str]:
    """Return the names of the staging tables that may be removed, oldest first.

    Args:
        tables: Those of the staging dataset.
        tenant: Tenant of this run. Tables of other tenants are left alone.
        now: The time now, by BigQuery's clock. The time in a name is that of the machine that made the table, whose
            clock may be wrong: a table must be old by both.
    """
    found = {
        table.table_id: time
        for table in tables
        if _is_ours(table.labels, tenant)
        and (time := _time_of_run(table.table_id))
        and now - max(time, table.created or time) > OLDEST
    }
    return sorted(found, key=lambda name: found[name])[:MOST_AT_ONCE]


def _is_ours(labels: Mapping[str, str], tenant: str | None) -> bool:
    return STAGING_LABELS.items() <= labels.items() and labels.get(TENANT_LABEL) == tenant


def _time_of_run(table: str) -> dt.datetime | None:
    name = _NAME.fullmatch(table)
    try:
        return name and dt.datetime.strptime(name["time"], "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
