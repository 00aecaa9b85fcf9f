"""Makes one query of several that each return one row of counts. Pure functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from target_bigquery_softdelete.sql.identifiers import quote_column
from target_bigquery_softdelete.sql.source import indent

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUOTED_OR_PARAMETER = re.compile(r"`[^`]*`|'[^']*'|@(\w+)")


def fuse(queries: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return one query for the counts of several, each a row with its `question` INT64 and its `counts` ARRAY<INT64>.

    The parameters of each get the suffix of :func:`suffix`.

    Args:
        queries: The queries, each of one row, with the names of its columns in the order of `counts`. All are INT64.
    """
    return "\nUNION ALL\n".join(
        "\n".join(
            [
                f"SELECT {number} AS question, [{', '.join(map(quote_column, names))}] AS counts",
                "FROM (",
                indent(_rename_parameters(query, suffix(number))),
                ")",
            ]
        )
        for number, (query, names) in enumerate(queries)
    )


def _rename_parameters(query: str, end: str) -> str:
    return _QUOTED_OR_PARAMETER.sub(lambda found: f"{found[0]}{end}" if found[1] else found[0], query)


def suffix(number: int) -> str:
    """Return what the names of the parameters of a query end with, by its position."""
    return f"_{number}"
