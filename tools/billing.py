"""What BigQuery bills for a fleet in a day: a model, in round figures that you can replace with your own.

The rules are those of BigQuery's documentation, on-demand pricing:

- A query is billed for the columns that it reads, at least 10 MB for each table that it names ("Estimate and control
  costs").
- A MERGE that can update is billed for what it reads and, once more, for all columns of the target table ("DML
  statements on non-partitioned tables": q + t).
- Rows that a statement carries in a parameter cost nothing, and so do load jobs and calls of the API. A table takes
  1,500 load jobs a day, a project 100,000 ("Quotas and limits").
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
INLINE_BYTES = 1_000_000
"""Rows of a stream that take at most so many bytes are sent with the statements: the target's `inline_bytes`."""

STAGED_KEY_BYTES = KEY_BYTES + 8 + 1
"""Of a staged row: its key, its position in the run, and whether it says that it is deleted."""

LOG_ROW_BYTES = 400
"""Of a row of `etl_logs`, as the target writes them."""

LOG_DAYS = 45
"""How far back a run reads the log."""

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
    """Rows that a run brings for each stream, when it brings any."""
    busy: float = 1.0
    """Share of the runs in which a stream has any rows."""
    whole: bool = False
    """Whether a run brings all rows, to find deletions. Then the whole table is read and compared at once."""
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
    def is_inline(self) -> bool:
        """Whether statements carry the rows of a run, so that there is no staging table."""
        return self.staged * self.row_bytes <= INLINE_BYTES

    @property
    def is_recognised(self) -> bool:
        """Whether an unchanged snapshot is recognised by its fingerprint, without a statement for the stream."""
        return self.whole and self.is_inline

    @property
    def merges(self) -> float:
        """How often a day a stream has rows, for all tables."""
        return self.streams * self.busy * RUNS

    @property
    def loads(self) -> float:
        """Load jobs a day, for all tables."""
        return 0 if self.is_inline else self.merges


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
    staged = 0 if group.is_inline else _billed(group.staged * group.row_bytes)
    if group.is_compared:
        compared, merged = _billed(group.size) + staged, _billed(2 * group.size) + staged
        share = group.changing if group.is_recognised else 1.0
        return (share * compared + group.changing * merged) * group.merges
    staged_keys = 0 if group.is_inline else _billed(group.staged * STAGED_KEY_BYTES)
    counted = _billed(group.rows * (KEY_BYTES + OPERATION_BYTES)) + staged_keys
    return (counted + _billed(2 * group.size * touched) + staged) * group.merges


def bytes_billed_new(group: Group) -> float:
    """Return the bytes billed once for the first rows of a group's streams: the table is empty, and must be so."""
    staged = 0 if group.is_inline else _billed(group.staged * group.row_bytes)
    return group.streams * (LEAST_BYTES + staged)


def bytes_billed_runs(count: int) -> float:
    """Return the bytes billed a day for what each run asks once, whatever its streams bring.

    It reads the log and the list of tables at its start, and the list again when it writes the log.

    Args:
        count: The number of streams.
    """
    log = count * RUNS * LOG_DAYS * LOG_ROW_BYTES
    return (_billed(log) + 2 * LEAST_BYTES) * RUNS


def bytes_billed_before(group: Group) -> float:
    """Return the same for a system that loads every row in every run and writes it again, into unclustered tables."""
    return (_billed(2 * group.size) + _billed(group.size)) * group.streams * RUNS


def rows_written(group: Group) -> float:
    """Return the rows a day that are sent and, at most, written."""
    return group.staged * group.merges


def rows_written_before(group: Group) -> float:
    """Return the same for a system that loads every row in every run and writes it again."""
    return group.rows * group.streams * RUNS


def dollars(bytes_a_day: float) -> float:
    """Return what a number of bytes a day costs in a month, without the free TiB."""
    return bytes_a_day / (1 << 40) * DOLLARS_PER_TIB * DAYS


def _billed(read: float) -> float:
    return max(read, LEAST_BYTES)
