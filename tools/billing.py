"""What BigQuery bills for a fleet in a day: a model, in round figures that you can replace with your own.

The rules are those of BigQuery's documentation, on-demand pricing:

- A query is billed for the columns that it reads, at least 10 MB for each table that it names ("Estimate and control
  costs").
- A MERGE that can update is billed for what it reads and, once more, for all columns of the target table ("DML
  statements on non-partitioned tables": q + t).
- Load jobs and calls of the API cost nothing. A table takes 1,500 load jobs a day, a project 100,000 ("Quotas and
  limits").
- A value of INT64 has 8 bytes, a STRING 2 and those of its text ("Data type sizes").

No rule says how much clustering saves: `touched` is the share of a table's blocks in which the keys
of a run lie. The real figure of a project is in its `etl_logs.bytes_billed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1 << 20
LEAST_BYTES = 10 * MIB
"""The least that a query is billed for a table."""

DOLLARS_PER_TIB = 6.25
"""On demand, in the United States; the first TiB of a month is free."""

KEY_BYTES = 8
OPERATION_BYTES = 2 + len("INSERT")
STAGED_KEY_BYTES = KEY_BYTES + 8 + 1
"""Of a staged row: its key, its position in the run, and whether it says that it is deleted."""

RUNS = 4
"""A day: one every six hours."""

COMPANIES = 30
DAYS = 30
"""In a month."""


@dataclass(frozen=True)
class Group:
    """Similar streams of a company."""

    name: str
    streams: int
    rows: int
    """Rows of each table."""
    row_bytes: int
    staged: int
    """Rows that a run loads for each stream, when it loads any."""
    busy: float = 1.0
    """Share of the runs in which a stream has any rows."""
    whole: bool = False
    """Whether a run loads all rows, to find deletions. Then the whole table is read and compared at once."""
    changing: float = 1.0
    """For compared tables: share of the runs in which a row has changed, so that a MERGE follows."""

    @property
    def size(self) -> int:
        """Bytes of each table."""
        return self.rows * self.row_bytes

    @property
    def is_compared(self) -> bool:
        """Whether the whole table is compared before a MERGE: for full lists, and for tables at the least cost."""
        return self.whole or self.size <= LEAST_BYTES

    @property
    def loads(self) -> float:
        """Load jobs a day, for all tables."""
        return self.streams * self.busy * RUNS


FLEET = (
    Group("lists, small", 70, rows=1_000, row_bytes=500, staged=1_000, whole=True, changing=0.1),
    Group("lists, large", 15, rows=20_000, row_bytes=500, staged=20_000, whole=True, changing=0.5),
    Group("by changes, small", 20, rows=20_000, row_bytes=800, staged=50, busy=0.5),
    Group("by changes, large", 10, rows=300_000, row_bytes=1_000, staged=500),
    Group("by changes, largest", 5, rows=2_000_000, row_bytes=1_000, staged=3_000),
)
"""The 120 streams of a mid-sized company."""


def streams(groups: Iterable[Group]) -> int:
    """Return the number of streams in groups."""
    return sum(group.streams for group in groups)


def bytes_billed(group: Group, *, touched: float) -> float:
    """Return the bytes billed a day for the streams of a group: the count before each MERGE, and the MERGE."""
    staged = _billed(group.staged * group.row_bytes)
    if group.is_compared:
        compared = _billed(group.size) + staged
        return (compared + group.changing * (_billed(2 * group.size) + staged)) * group.loads
    counted = _billed(group.rows * (KEY_BYTES + OPERATION_BYTES)) + _billed(group.staged * STAGED_KEY_BYTES)
    return (counted + _billed(2 * group.size * touched) + staged) * group.loads


def bytes_billed_before(group: Group) -> float:
    """Return the same for a system that loads every row in every run and writes it again, into unclustered tables."""
    return (_billed(2 * group.size) + _billed(group.size)) * group.streams * RUNS


def rows_written(group: Group) -> float:
    """Return the rows a day that are loaded and, at most, written."""
    return group.staged * group.loads


def rows_written_before(group: Group) -> float:
    """Return the same for a system that loads every row in every run and writes it again."""
    return group.rows * group.streams * RUNS


def dollars(bytes_a_day: float) -> float:
    """Return what a number of bytes a day costs in a month, without the free TiB."""
    return bytes_a_day / (1 << 40) * DOLLARS_PER_TIB * DAYS


def _billed(read: float) -> float:
    return max(read, LEAST_BYTES)
