"""Quotes identifiers for GoogleSQL: the one place where a name becomes part of a statement. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.plugin_runtime.errors import PluginError

_PROJECT = re.compile(r"(?:[a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{2,60}[a-z0-9]")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE = re.compile(r"[A-Za-z0-9_]{1,1024}")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")


@dataclass(frozen=True)
class TableId:
    """A table of BigQuery, by its full name.

    Raises:
        PluginError: If a part is not a name that BigQuery allows.
    """

    project: str
    dataset: str
    table: str

    def __post_init__(self) -> None:
        for what, pattern, value in (
            ("project", _PROJECT, self.project),
            ("dataset", _DATASET, self.dataset),
            ("table", _TABLE, self.table),
        ):
            if not pattern.fullmatch(value):
                raise PluginError(f"`{value}` is not a valid BigQuery {what} name.")

    @override
    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def quoted(self) -> str:
        """The name as it stands in a statement."""
        return f"`{self}`"


def column(name: str, *, of: str = "") -> str:
    """Return a column name as it stands in a statement, with the alias of its table before it where one is given.

    Raises:
        PluginError: If it is not a name that BigQuery allows.
    """
    if not _COLUMN.fullmatch(name):
        raise PluginError(f"`{name}` is not a valid BigQuery column name.")
    return f"{of}.`{name}`" if of else f"`{name}`"
