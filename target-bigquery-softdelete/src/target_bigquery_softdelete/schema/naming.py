"""Makes BigQuery names from source names. Pure functions.

BigQuery's rules for column names: letters, digits and underscores, at most 300 characters, a letter or an underscore
first, no reserved prefix, and no two names that differ only in case
(https://cloud.google.com/bigquery/docs/schemas#column_names). Flexible names may also have letters, digits and marks of
any script, dashes, blanks and ten special characters, and begin with any of them
(https://cloud.google.com/bigquery/docs/schemas#flexible-column-names).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Literal

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.system_columns import ETL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

ColumnNaming = Literal["snake_case", "preserve", "unique", "flexible"]

LIVE_SUFFIX = "_live"
"""Ends the name of the view of a table's live rows."""

HISTORY_SUFFIX = "_history"
"""Ends the name of the table that holds every version of another table's rows."""

AS_OF_SUFFIX = "_as_of"
"""Ends the name of the function that shows a table as it was at a time."""

LONGEST_COLUMN_NAME = 300
LONGEST_TABLE_NAME = 1024
LONGEST_ROUTINE_NAME = 256

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
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

FLEXIBLE_CHARACTERS = frozenset(" &%=+:'<>#|")
"""What a flexible name may have besides letters, digits, marks, dashes and connectors, of which `_` is one."""


def column_name(source: str, naming: ColumnNaming = "snake_case") -> str:
    """Return the column name of a source property.

    >>> column_name("businessUnitId")
    'business_unit_id'
    >>> column_name("HTTPStatus code")
    'http_status_code'
    >>> column_name("2nd", "preserve")
    '_2nd'
    >>> column_name("Größe (in %)", "flexible")
    'Größe _in %_'
    """
    if naming == "flexible":
        name = "".join(character if _is_flexible(character) else "_" for character in source) or "_"
        return _shorten(f"x{name}" if name.lower().startswith(RESERVED_PREFIXES) else name, LONGEST_COLUMN_NAME)
    name = source if naming == "preserve" else _WORD_START.sub("_", source).lower()
    name = _NOT_ALLOWED.sub("_", name) or "_"
    if name[0].isdigit():
        name = f"_{name}"
    if name.lower().startswith(RESERVED_PREFIXES):
        name = f"x{name}"
    return _shorten(name, LONGEST_COLUMN_NAME)


def is_column_name(name: str) -> bool:
    """Return whether BigQuery allows the characters of a column name, and their number.

    >>> is_column_name("价格 in %"), is_column_name("a.b"), is_column_name("a`b"), is_column_name("")
    (True, False, False, False)
    """
    return 0 < len(name) <= LONGEST_COLUMN_NAME and (is_plain(name) or all(map(_is_flexible, name)))


def is_plain(name: str) -> bool:
    """Return whether a column name is one without BigQuery's flexible names, too."""
    return bool(_PLAIN.fullmatch(name))


def _is_flexible(character: str) -> bool:
    category = unicodedata.category(character)
    return character in FLEXIBLE_CHARACTERS or category[0] in "LNM" or category in {"Pc", "Pd"}


def variant_name(name: str, kind: str) -> str:
    """Return the name of a column for the values of another type.

    >>> variant_name("price", "string")
    'price__string'
    """
    return _shorten(f"{name}__{kind}", LONGEST_COLUMN_NAME)


def unique_names(sources: Collection[str]) -> dict[str, str]:
    """Return a column name for each source property of one object, of which no two are equal or differ only in case.

    Those that would become one name get a part of a hash of their source names, except one that is spelled exactly so.
    The names do not depend on the order of the properties.

    >>> unique_names(["userName", "user_name", "id"])
    {'userName': 'user_name_fdb9e5c8', 'user_name': 'user_name', 'id': 'id'}
    """
    names = {source: column_name(source, "unique") for source in sources}
    taken = Counter(name.lower() for name in names.values())
    return {
        source: name
        if taken[name.lower()] == 1 or source == name
        else f"{name[: LONGEST_COLUMN_NAME - 9]}_{_hash(source)}"
        for source, name in names.items()
    }


def table_name(stream: str) -> str:
    """Return the table name of a stream: its name, with underscores for characters that BigQuery does not allow.

    >>> table_name("public-users")
    'public_users'
    """
    return _shorten(_NOT_ALLOWED.sub("_", stream) or "_", LONGEST_TABLE_NAME - 100)


def history_name(stream: str) -> str:
    """Return the name of the table that holds every version of a stream's rows."""
    return f"{table_name(stream)}{HISTORY_SUFFIX}"


def as_of_name(stream: str) -> str:
    """Return the name of the function that shows the table of a stream as it was at a time."""
    return _shorten(f"{table_name(stream)}{AS_OF_SUFFIX}", LONGEST_ROUTINE_NAME)


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
                "Set `column_naming` to `unique`, or rename one with a stream map if it is not nested."
            )


def _shorten(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    # The hash distinguishes two long names that begin alike.
    return f"{name[: longest - 9]}_{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
