"""Makes BigQuery names from source names. Pure functions.

BigQuery's rules for column names: letters, digits and underscores, at most 300 characters, a letter or an underscore
first, no reserved prefix, and no two names that differ only in case
(https://cloud.google.com/bigquery/docs/schemas#column_names).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Literal

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.system_columns import ETL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

ColumnNaming = Literal["snake_case", "preserve"]

LIVE_SUFFIX = "_live"
"""Ends the name of the view of a table's live rows."""

HISTORY_SUFFIX = "_history"
"""Ends the name of the table that holds every version of another table's rows."""

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
    ETL_PREFIX,
)
"""Prefixes that BigQuery rejects, in lower case, and the prefix of this target's own columns."""

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
    return _shorten(name, LONGEST_COLUMN_NAME)


def table_name(stream: str) -> str:
    """Return the table name of a stream: its name, with underscores for characters that BigQuery does not allow.

    >>> table_name("public-users")
    'public_users'
    """
    return _shorten(_NOT_ALLOWED.sub("_", stream) or "_", LONGEST_TABLE_NAME - 100)


def history_name(stream: str) -> str:
    """Return the name of the table that holds every version of a stream's rows."""
    return f"{table_name(stream)}{HISTORY_SUFFIX}"


def live_name(stream: str) -> str:
    """Return the name of the view of a stream's live rows."""
    return f"{table_name(stream)}{LIVE_SUFFIX}"


def check_distinct(pairs: Iterable[tuple[str, str]], place: str) -> None:
    """Check that no two source names become the same column name.

    Args:
        pairs: Source name and column name of each property.
        place: Where the properties are, for the error: a stream, or a stream and the path of a nested property.

    Raises:
        PluginError: If two column names are equal or differ only in case.
    """
    taken: dict[str, str] = {}
    for source, name in pairs:
        other = taken.setdefault(name.lower(), source)
        if other != source:
            raise PluginError(
                f"{place}: the properties `{other}` and `{source}` both become the column `{name}`. "
                "Rename one with a stream map, or set `column_naming` to `preserve`."
            )


def _shorten(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    # The hash distinguishes two long names that begin alike.
    return f"{name[: longest - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
