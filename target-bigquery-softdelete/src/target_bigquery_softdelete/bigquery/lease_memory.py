"""Which tables were brought up to date, and when: kept in the description of the lease, from run to run. Pure.

A run that began to read before another one looked at a table may hold older values, even where the other one found
nothing to write and left no trace in the rows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEPT = dt.timedelta(hours=2)
"""How long a table is remembered: longer than a run may take from its beginning to its first look at the lease."""

LONGEST_TEXT = 16_000
"""Characters of a description. BigQuery allows 16,384."""

ALL = "*"
"""Stands for every table, when there are more than a description holds."""

_DIGITS = 8


@dataclass(frozen=True)
class LeaseMemory:
    """When tables were last brought up to date, as far as it matters."""

    times: Mapping[str, dt.datetime] = field(default_factory=dict)
    """Times (UTC), by the digest of the table's name."""

    @classmethod
    def read(cls, text: str | None) -> LeaseMemory:
        """Return what a description says, as far as it is understood: somebody may have written a text there."""
        times = {}
        for word in (text or "").split():
            digest, _, seconds = word.partition(":")
            if digest and seconds.isdigit():
                times[digest] = dt.datetime.fromtimestamp(int(seconds) / 1000, dt.UTC)
        return cls(times)

    def write(self) -> str:
        """Return it as a description."""
        newest = max(self.times.values(), default=None)
        text = _text(self.times)
        return text if len(text) <= LONGEST_TEXT or newest is None else _text({ALL: newest})

    def add(self, tables: Iterable[str], now: dt.datetime) -> LeaseMemory:
        """Return the memory after these tables were brought up to date, without what is too old to matter."""
        recent = {digest: time for digest, time in self.times.items() if now - time < KEPT}
        return LeaseMemory({**recent, **{table_digest(table): now for table in tables}})

    def join(self, other: LeaseMemory) -> LeaseMemory:
        """Return both, with the later time of each table."""
        digests = self.times.keys() | other.times.keys()
        first = dt.datetime.min.replace(tzinfo=dt.UTC)
        return LeaseMemory(
            {digest: max(self.times.get(digest, first), other.times.get(digest, first)) for digest in digests}
        )

    def is_later(self, table: str, moment: dt.datetime) -> bool:
        """Return whether a table was brought up to date after a moment."""
        return any(self.times.get(key, moment) > moment for key in (table_digest(table), ALL))


def table_digest(table: str) -> str:
    """Return what stands for a table's name. Two that fall together only make a run refuse to write."""
    return hashlib.sha256(table.encode()).hexdigest()[:_DIGITS]


def _text(times: Mapping[str, dt.datetime]) -> str:
    # Rounded up: not earlier than it was.
    return " ".join(f"{digest}:{math.ceil(time.timestamp() * 1000)}" for digest, time in sorted(times.items()))
