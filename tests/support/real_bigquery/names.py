"""Names of the datasets that a run against a real project makes, by which leftovers of a killed run are found."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.cloud import bigquery

_BEGIN = "etl_check_"
_TIME = "%Y%m%dt%H%M%S"
_NAME = re.compile(rf"{_BEGIN}(\d{{8}}t\d{{6}})_[0-9a-f]{{8}}_\w+")

LEFT_OVER_AFTER = dt.timedelta(days=1)
"""Age of datasets that no run uses any more."""


def new_prefix(now: dt.datetime) -> str:
    """Return what the names of the datasets of a new run begin with: `etl_check_20240506t070809_0a1b2c3d_`."""
    return f"{_BEGIN}{now.strftime(_TIME)}_{secrets.token_hex(4)}_"


def leftovers(names: Iterable[str], now: dt.datetime) -> list[str]:
    """Return the names of datasets that a run made more than a day ago, and nothing else's."""
    return [name for name in names if (made := _made(name)) is not None and now - made > LEFT_OVER_AFTER]


def _made(name: str) -> dt.datetime | None:
    found = _NAME.fullmatch(name)
    return dt.datetime.strptime(found[1], _TIME).replace(tzinfo=dt.UTC) if found else None


def remove_datasets(client: bigquery.Client, prefix: str) -> list[str]:
    """Remove the datasets of a run with all that is in them, and return their names.

    Args:
        client: A client of the project.
        prefix: What their names begin with.

    Raises:
        ValueError: If this is no prefix of a run: it might be that of other datasets.
    """
    if not _NAME.fullmatch(f"{prefix}x"):
        raise ValueError(f"{prefix!r} is not the prefix of a run")
    return _remove(client, [each.dataset_id for each in client.list_datasets() if each.dataset_id.startswith(prefix)])


def remove_leftovers(client: bigquery.Client, now: dt.datetime) -> list[str]:
    """Remove the datasets of runs that were killed more than a day ago, and return their names."""
    return _remove(client, leftovers([each.dataset_id for each in client.list_datasets()], now))


def _remove(client: bigquery.Client, names: list[str]) -> list[str]:
    for name in names:
        client.delete_dataset(f"{client.project}.{name}", delete_contents=True, not_found_ok=True)
    return names
