"""The most that the queries of a run can cost.

A query is billed for at least 10 MB for each table that it names, and a table of a test is smaller than that. A MERGE
is billed for its target twice at most: what it reads, and what it may rewrite. Load jobs, copy jobs and all other calls
cost nothing. https://cloud.google.com/bigquery/pricing#on_demand_pricing
"""

from __future__ import annotations

import re
import threading
from typing import Any

from support.real_bigquery.bodies import read_json

MIB = 1 << 20
LEAST_BYTES = 10 * MIB
"""The least that a query is billed for a table that it names."""

DOLLARS_PER_TIB = 6.25
"""On demand, in the United States. The dearest regions cost half as much again; the first TiB of a month is free."""

MOST_DOLLARS = 0.95
"""A run makes no more queries when it may have cost this."""

_TABLE = re.compile(r"`([^`]+\.[^`]+)`")
_CHANGES = re.compile(r"\s*(MERGE|UPDATE|DELETE)\b", re.IGNORECASE)


def most_billed_bytes(method: str, path: str, body: bytes) -> int:
    """Return the most that the job or query that a call brings is billed, in bytes; 0 for other calls."""
    value = read_json(method, path, body)
    query = _query_of(value) if isinstance(value, dict) else None
    if query is None:
        return 0
    tables = set(_TABLE.findall(query))
    return LEAST_BYTES * (max(1, len(tables)) + (1 if _CHANGES.match(query) else 0))


def dollars(number: int) -> float:
    """Return what so many billed bytes cost, on demand."""
    return number / (1 << 40) * DOLLARS_PER_TIB


def _query_of(value: dict[str, Any]) -> str | None:
    configuration = value.get("configuration", {})
    if configuration.get("dryRun") or value.get("dryRun"):
        return None
    query = configuration.get("query", {}).get("query") if configuration else value.get("query")
    return query if isinstance(query, str) else None


class Bill:
    """Adds up the most that the queries of this process can cost.

    Args:
        share: The part of :data:`MOST_DOLLARS` that this process may spend, where several run at once.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._most = MOST_DOLLARS * share
        self._lock = threading.Lock()
        self.bytes = 0
        self.queries = 0

    def add(self, method: str, path: str, body: bytes) -> bool:
        """Add a call. Return False, and leave it out, if the run might cost too much with it.

        Raises:
            ValueError: If its body cannot be read.
        """
        more = most_billed_bytes(method, path, body)
        with self._lock:
            if more and dollars(self.bytes + more) > self._most:
                return False
            self.bytes += more
            self.queries += bool(more)
            return True
