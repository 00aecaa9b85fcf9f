"""Quotes identifiers for GoogleSQL: the only place where a name becomes part of a statement. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.naming import is_column_name

_PROJECT = re.compile(r"(?:[a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{2,60}[a-z0-9]")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_DATASET_ADVICE = (
    " It has letters, digits and underscores. Check the settings `dataset`, `staging_dataset` and `log_dataset`."
)
_TABLE = re.compile(r"[A-Za-z0-9_]{1,1024}")


@dataclass(frozen=True)
class TableId:
    """The full name of a BigQuery table.

    Raises:
        PluginError: If BigQuery does not allow one of the three names.
    """

    project: str
    dataset: str
    table: str

    def __post_init__(self) -> None:
        for part, pattern, name, advice in (
            ("project", _PROJECT, self.project, " Check the setting `project_id`."),
            ("dataset", _DATASET, self.dataset, _DATASET_ADVICE),
            ("table", _TABLE, self.table, ""),
        ):
            if not pattern.fullmatch(name):
                raise PluginError(f"`{name}` is not a valid BigQuery {part} name.{advice}")

    @override
    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def quoted(self) -> str:
        """The name as GoogleSQL writes it."""
        return f"`{self}`"


def quote_column(name: str, *, of: str = "") -> str:
    """Return a column name as GoogleSQL writes it.

    Args:
        name: The name.
        of: Alias of the table that the column belongs to, if the statement must say so.

    Raises:
        PluginError: If BigQuery does not allow the name.
    """
    if not is_column_name(name):
        raise PluginError(f"`{name}` is not a valid BigQuery column name.")
    return f"{of}.`{name}`" if of else f"`{name}`"
