"""Which staging tables a dead run has left behind. Pure functions."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TENANT_LABEL = "tenant_id"
"""Label that binds a table to the tenant whose rows it holds."""

STAGING_LABELS = {"made_by": "target-bigquery-softdelete"}
"""What every staging table of this target carries, besides the labels of the settings."""

OLDEST = dt.timedelta(days=1)
"""No run takes longer, so the tables of an older one belong to a run that is dead."""

MOST_AT_ONCE = 20
"""Tables that one run removes at most: what is left is for the next one, or expires."""

_NAME = re.compile(r".+__(?P<time>\d{8}T\d{6})_[0-9a-f]{8}_\d+")


class ListedTable(Protocol):
    """A table in a list of tables."""

    @property
    def table_id(self) -> str:
        """Its name."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""


def stale_tables(tables: Iterable[ListedTable], tenant: str | None, now: dt.datetime) -> list[str]:
    """Return the names of the tables that may be removed, oldest first.

    Args:
        tables: Those of the staging dataset.
        tenant: Tenant of this run. The tables of another one are not its business.
        now: The time now.
    """
    found = {
        table.table_id: time
        for table in tables
        if _is_ours(table.labels, tenant) and (time := _time_of_run(table.table_id)) and now - time > OLDEST
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
