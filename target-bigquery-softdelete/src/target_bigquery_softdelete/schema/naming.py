"""From source names to BigQuery names. Pure functions.

BigQuery's rules for column names: letters, digits and underscores, at most 300 characters, a letter or an underscore
first, no reserved prefix, and no two names that differ only in case
(https://cloud.google.com/bigquery/docs/schemas#column_names).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Literal

from target_bigquery_softdelete.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable

ColumnNaming = Literal["snake_case", "preserve"]

OPERATION = "_etl_operation"
SYNCED = "_etl_synced"
EXTRA = "_etl_extra"
VALID_FROM = "_valid_from"
VALID_TO = "_valid_to"

LIVE_SUFFIX = "_live"
"""Ends the name of the view of the rows of a table that are not deleted."""

HISTORY_SUFFIX = "_history"
"""Ends the name of the table that holds every version of the rows of another one."""

LONGEST_COLUMN_NAME = 300
LONGEST_TABLE_NAME = 1024

RESERVED_PREFIXES = (
    "_table_",
    "_file_",
    "_partition",
    "_row_timestamp",
    "__root__",
    "_colidentifier",
    "_change_sequence_number",
    "_change_type",
    "_change_timestamp",
    "_etl_",
)
"""Prefixes that BigQuery refuses, in lower case, and the one that this target keeps for its own columns."""

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_]")


def column_name(source: str, naming: ColumnNaming = "snake_case") -> str:
    """Return the column name of a source property.

    >>> column_name("businessUnitId")
    'business_unit_id'
    >>> column_name("HTTPStatus code")
    'http_status_code'
    >>> column_name("2nd", "preserve")
    '_2nd'
    """
    name = _WORD_START.sub("_", source).lower() if naming == "snake_case" else source
    name = _NOT_ALLOWED.sub("_", name) or "_"
    if name[0].isdigit():
        name = f"_{name}"
    if name.lower().startswith(RESERVED_PREFIXES):
        name = f"x{name}"
    return _shortened(name, LONGEST_COLUMN_NAME)


def table_name(stream: str) -> str:
    """Return the table name of a stream: its own name, with an underscore for what BigQuery does not allow.

    >>> table_name("public-users")
    'public_users'
    """
    return _shortened(_NOT_ALLOWED.sub("_", stream) or "_", LONGEST_TABLE_NAME - 100)


def history_name(stream: str) -> str:
    """Return the name of the table that holds every version of the rows of a stream."""
    return f"{table_name(stream)}{HISTORY_SUFFIX}"


def live_name(stream: str) -> str:
    """Return the name of the view of the rows of a stream that are not deleted."""
    return f"{table_name(stream)}{LIVE_SUFFIX}"


def check_distinct(pairs: Iterable[tuple[str, str]], place: str) -> None:
    """Check that no two source names fall on one column.

    Args:
        pairs: Source name and column name of each property.
        place: Where they stand, for the error: a stream, or a stream and the path of a nested property.

    Raises:
        PluginError: If two column names are equal but for their case.
    """
    taken: dict[str, str] = {}
    for source, name in pairs:
        other = taken.setdefault(name.lower(), source)
        if other != source:
            raise PluginError(
                f"{place}: the properties `{other}` and `{source}` both become the column `{name}`. "
                "Rename one with a stream map, or set `column_naming` to `preserve`."
            )


def _shortened(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    # The hash keeps two long names with the same beginning apart.
    return f"{name[: longest - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
