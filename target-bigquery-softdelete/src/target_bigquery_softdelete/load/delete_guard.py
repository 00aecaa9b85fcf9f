"""Decides whether a run may mark rows of a stream deleted. No I/O: the numbers are counted elsewhere."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    from target_bigquery_softdelete.audit.stream_report import EarlierMarks, MergeResult
    from target_bigquery_softdelete.config.options import DeleteLimits

LARGE_SHARE = 0.5
"""What part of `max_delete_fraction` a run may mark without being judged together with the runs before it."""


class DeleteGuard:
    """The guard of one stream in one run.

    A stream may be merged several times. The marks of all its merges count, against the rows that were live before.
    """

    def __init__(self, stream: str, limits: DeleteLimits) -> None:
        self._stream = stream
        self._limits = limits
        self._marked = 0
        self._gained = 0
        """Live rows that the run has added, less those that it has marked."""
        self.refusal: str | None = None
        """Why the guard has refused. From then on no row of the stream is marked in this run."""

    def count(self, result: MergeResult) -> None:
        """Count what a merge has done."""
        self._marked += result.marked
        self._gained += result.inserted + result.restored - result.marked

    def needs_live(self, by_record: int) -> bool:
        """Return whether so many marks by deletion records can be judged only with the number of live rows."""
        return (
            by_record > 0
            and self.refusal is None
            and not self._limits.lifted
            and self._marked + by_record > self._limits.rows
        )

    @property
    def days(self) -> int:
        """Days of which the marks count together."""
        return self._limits.days

    def needs_earlier(self, live: LiveRows) -> bool:
        """Return whether a merge can be judged only with the marks of earlier runs: it would mark a large share itself.

        Args:
            live: The rows of the table.
        """
        limits, marks = self._limits, self._marked + live.marked
        is_on = limits.days > 0 and limits.fraction < 1 and not limits.lifted and self.refusal is None
        before = live.total - self._gained
        is_large = before > 0 and marks > LARGE_SHARE * limits.fraction * before
        is_large_part = live.in_ranges is not None and live.missing > LARGE_SHARE * limits.fraction * live.in_ranges
        return is_on and (is_large or is_large_part) and live.marked > 0

    def judge(self, live: LiveRows, *, staged: int, earlier: EarlierMarks | None = None) -> bool:
        """Return whether a merge may mark rows deleted. If not, `refusal` says why.

        A snapshot of a part of the table must be within the limits of the table, and also within those of its part: so
        parts that come run after run cannot mark more than one snapshot of the whole may.

        Args:
            live: The rows of the table.
            staged: Keys that came in this run.
            earlier: What earlier runs have marked, if `needs_earlier` says so.
        """
        if self.refusal is None:
            marks = Marks(by_record=live.by_record, missing=live.missing, earlier=self._marked)
            before = live.total - self._gained
            # A part may well be empty; a table should not become so.
            came = staged if live.in_ranges is None or live.missing >= before else max(staged, 1)
            self.refusal = refusal(self._limits, stream=self._stream, live=before, marks=marks, staged=came)
            self.refusal = self.refusal or self._refusal_of_part(live)
            if self.refusal is None and earlier is not None:
                self.refusal = refusal_after(self._limits, earlier, stream=self._stream, live=before, marks=marks)
        return self.refusal is None

    def _refusal_of_part(self, live: LiveRows) -> str | None:
        if live.in_ranges is None:
            return None
        missing = Marks(missing=live.missing, is_part=True)
        return refusal(self._limits, stream=self._stream, live=live.in_ranges, marks=missing, staged=1)


@dataclass(frozen=True)
class LiveRows:
    """Rows of a table that are not marked deleted, now."""

    total: int
    _: KW_ONLY
    by_record: int = 0
    """Those of them that a record says are deleted."""
    missing: int = 0
    """Those of them that a complete snapshot does not contain."""
    in_ranges: int | None = None
    """Those of them of which there is a snapshot, if it is not one of the whole table."""

    @property
    def marked(self) -> int:
        """Those that a merge would mark deleted."""
        return self.by_record + self.missing


@dataclass(frozen=True)
class Marks:
    """Live rows that a merge would mark deleted, by reason."""

    missing: int = 0
    """Rows that a complete snapshot does not contain."""
    by_record: int = 0
    """Rows that records say are deleted."""
    earlier: int = 0
    """Rows that earlier merges of the run have marked."""
    is_part: bool = False
    """Whether the snapshot is one of a part of the table, and only the rows of that part count."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.missing + self.by_record + self.earlier


def refusal(limits: DeleteLimits, *, stream: str, live: int, marks: Marks, staged: int) -> str | None:
    """Return why rows may not be marked deleted, or nothing when they may.

    Args:
        limits: The limits in force.
        stream: Name of the stream.
        live: Rows of the table that were not marked deleted before the run. Without any, there is nothing to guard.
        marks: The rows that would be marked.
        staged: Keys that came in this run.
    """
    if limits.lifted or not (marks.missing or marks.by_record) or live <= 0:
        return None
    marked = f"No {'other ' * bool(marks.earlier)}row was marked."
    if not staged:
        has = pluralize(live, "live row")
        return f"{stream}: the snapshot is empty, but the table has {has}. {marked} {_advice(stream)}"
    if marks.total > limits.rows and marks.total > limits.fraction * live:
        return (
            f"{_refused(stream, marks, live)}, more than "
            f"`max_delete_rows` ({limits.rows}) and `max_delete_fraction` ({limits.fraction:g}) allow. "
            f"{marked} {_advice(stream)}"
        )
    return None


def refusal_after(limits: DeleteLimits, earlier: EarlierMarks, *, stream: str, live: int, marks: Marks) -> str | None:
    """Return why rows may not be marked deleted after what earlier runs have marked, or nothing when they may.

    Args:
        limits: The limits in force.
        earlier: What earlier runs have marked.
        stream: Name of the stream.
        live: Rows of the table that were not marked deleted before the run.
        marks: The rows that would be marked. They are within the limits.
    """
    before, total = live + earlier.marked, marks.total + earlier.marked
    is_many = marks.total > limits.rows if earlier.unknown else total > limits.rows
    if live <= 0 or not is_many or not (earlier.unknown or total > limits.fraction * before):
        return None
    would, days = _refused(stream, marks, live), pluralize(limits.days, "day")
    marked = f"No {'other ' * bool(marks.earlier)}row was marked."
    if earlier.unknown:
        return (
            f"{would}, and how many were marked in the last {days} is not known: {earlier.unknown}. "
            f"{marked} {_advice(stream)}"
        )
    return (
        f"{would}, and {earlier.marked:,} were marked in the last {days}: together {total:,} of {before:,}, more "
        f"than `max_delete_rows` ({limits.rows}) and `max_delete_fraction` ({limits.fraction:g}) allow. "
        f"{marked} {_advice(stream)}"
    )


def _advice(stream: str) -> str:
    return (
        f'If that is right, run once with `allow_mass_delete_streams` set to `["{stream}"]` (`orchestrate-etl run '
        f"--company ... --allow-mass-delete {stream}`)."
    )


def _refused(stream: str, marks: Marks, live: int) -> str:
    """Return what is refused."""
    # The fleet knows a refusal by these words, whatever it is that was read.
    would = f"{stream}: {_describe(marks)} would mark {marks.total:,} of {pluralize(live, 'live row')} deleted"
    return would + " in the part that was read" * marks.is_part


def _describe(marks: Marks) -> str:
    """Return what would mark the rows."""
    by_record = marks.by_record + marks.earlier
    if not by_record:
        return "the snapshot"
    return f"{f'the snapshot (by {marks.missing}) and ' if marks.missing else ''}records of deletions (by {by_record})"
