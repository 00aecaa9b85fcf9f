"""Decides whether the records of a table are a complete snapshot. Pure: it counts, and does no I/O.

A snapshot is complete if the tap sends ACTIVATE_VERSION *after* the records of that version. Many taps send the message
before the records; a crashed tap would then look like one that has finished. Such a version marks no row deleted,
unless the message comes once more after them. Nor does one that an earlier run began: some of its records came then.

A tap that reads a stream in several runs says instead which ranges of it one run has read (`swept_ranges.py`). They are
a complete snapshot of these rows, and of no others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_bigquery_softdelete.singer.swept_ranges import SweptRanges


TWICE = 2
"""A version is activated so often by a tap that sends the message before the records, and after them, too."""


@dataclass
class TapHabits:
    """What the streams so far have shown about the tap."""

    announces_early: bool = False
    """Whether records followed the ACTIVATE_VERSION of their version. Without them it would have looked like the end of
    an empty snapshot."""


class VersionTracker:
    """The versions of one stream of the input in one run."""

    def __init__(self, began_earlier: Callable[[int], bool] = lambda _: False) -> None:
        """Begin without a record.

        Args:
            began_earlier: Returns whether an earlier run is known to have begun a version.
        """
        self._began_earlier = began_earlier
        self._earlier: dict[int, bool] = {}
        self._records: Counter[int | None] = Counter()
        self._activated: dict[int, int] = {}
        self._late: set[int] = set()
        self._activations: Counter[int] = Counter()
        self._early: set[int] = set()
        """Versions that were activated before their records."""
        self._unconfirmed: set[int] = set()
        """Versions that were activated before and after their records, and no STATE message has come since."""
        self._since_schema: Counter[int | None] = Counter()
        """Records of each version since the last SCHEMA message."""
        self._resumable: set[int] = set()
        """Versions in the middle of which the tap has saved how far it has come."""
        self._kept: int | None = None
        """The version that stands in the tap's bookmark: it will go on with that one."""
        self.swept: SweptRanges | None = None
        """The ranges that the tap has read of the stream, as it says."""
        self._goes_on = False
        """Whether more of the stream came after it said so."""

    def count_records(self, version: int | None, count: int) -> None:
        """Count records that were read. The version is None for records without one."""
        self._records[version] += count
        self._since_schema[version] += count
        self._goes_on = self._goes_on or self.swept is not None
        if version in self._activated:
            self._late.add(version)

    def note_schema(self) -> None:
        """Note a SCHEMA message."""
        self._since_schema.clear()

    def activate(self, version: int) -> None:
        """Note an ACTIVATE_VERSION message.

        The first one of a version decides whether it came too early, unless a second one comes after the records. For
        each parent of a child stream the Singer SDK repeats the early one, after a SCHEMA message: that proves nothing.
        And a tap that repeats it may have crashed before the next record, so a STATE message must follow.
        """
        self._activations[version] += 1
        if self._activations[version] == 1:
            self._activated[version] = self._records[version]
            if not self._records[version]:
                self._early.add(version)
        elif version in self._early:
            is_at_end = self._activations[version] == TWICE and self._since_schema[version]
            self._activated[version] = self._records[version] if is_at_end else 0
            self._unconfirmed.add(version)
            self._late.discard(version)

    def note_state(self) -> None:
        """Note a STATE message: the tap was alive after the last ACTIVATE_VERSION message."""
        self._unconfirmed.clear()

    def note_swept(self, swept: SweptRanges) -> None:
        """Note which ranges the tap has read of the stream."""
        self._goes_on = self._goes_on or self.swept is not None
        self.swept = swept

    def sweep_problem(self) -> str | None:
        """Return why the records do not tell which rows of the swept ranges are missing, or None if they do."""
        if self.swept is None:
            return "the tap does not say which ranges of the stream it has read"
        if self._goes_on:
            return "the stream went on after the tap had said which ranges of it it has read"
        if self._activated or set(self._versions) - {self.swept.version}:
            return "records of another version came, too"
        if self.began_earlier(self.swept.version):
            return "its version began in an earlier run, so this run has not seen all of it"
        return None

    def note_bookmark(self, version: int | None) -> None:
        """Note that the tap has saved how far it has come.

        Args:
            version: The version in the stream's bookmark, if there is one.
        """
        self._kept = version
        self._resumable |= {seen for seen in self._versions if seen not in self._activated}

    def note_resumption(self, version: int | None) -> None:
        """Note that the stream's bookmark had a version before the stream began."""
        if version is not None:
            self._kept = version
            self._earlier[version] = True

    @property
    def _versions(self) -> list[int]:
        return [version for version, count in self._records.items() if version is not None and count]

    def has_begun(self, version: int) -> bool:
        """Return whether records of a version came in this run."""
        return self._records[version] > 0

    @property
    def begun(self) -> int:
        """How many versions have records in this run."""
        return len(self._versions)

    @property
    def last_complete(self) -> int | None:
        """The version that began last of those that are complete."""
        return next(filter(self._is_complete, reversed(self._versions)), None)

    def began_earlier(self, version: int) -> bool:
        """Return whether an earlier run has begun a version."""
        if version not in self._earlier:
            self._earlier[version] = self._began_earlier(version)
        return self._earlier[version]

    def may_be_whole(self, version: int) -> bool:
        """Return whether the records of a version may be all that the source has, as far as is known."""
        return not self.began_earlier(version) and version not in self._activated

    @property
    def has_versions(self) -> bool:
        """Whether records of the stream belong to a snapshot."""
        return bool(self._versions)

    @property
    def is_activated(self) -> bool:
        """Whether an ACTIVATE_VERSION message has come."""
        return bool(self._activated)

    @property
    def is_complete(self) -> bool:
        """Whether the source has no other keys than those that were read."""
        return any(map(self._is_complete, self._activated))

    def _is_complete(self, version: int) -> bool:
        in_time = self._activated.get(version, 0) > 0 and version not in self._late | self._unconfirmed
        return in_time and not self.began_earlier(version)

    @property
    def is_empty(self) -> bool:
        """Whether a version was activated, and no record came. It may be the snapshot of nothing, or no snapshot."""
        return bool(self._activated) and not self._records.total()

    @property
    def is_continued(self) -> bool:
        """Whether a version was activated that an earlier run has begun, or that the tap will go on with."""
        return any(self.began_earlier(version) or version == self._kept for version in self._activated)

    @property
    def is_resumed(self) -> bool:
        """Whether a version ended in this run that an earlier one has begun."""
        return any(
            records and version not in self._late and self.began_earlier(version)
            for version, records in self._activated.items()
        )

    @property
    def announces_early(self) -> bool:
        """Whether ACTIVATE_VERSION came before the records of its version, if perhaps once more after them."""
        return any(self._records[version] for version in self._early)

    def open_versions(self, *, at_end: bool) -> list[int]:
        """Return the versions that a later run may go on with, in the order of their first records.

        Args:
            at_end: Whether the input has ended. Before, a version may go on in another run only if the tap has saved
                how far it has come.
        """
        return [
            version
            for version in self._versions
            if version in self._resumable
            or (version == self._kept and version in self._activated)
            or (at_end and not self._is_complete(version))
        ]


class TableVersions:
    """The versions of all streams that go into one table, in one run."""

    def __init__(
        self,
        table: str,
        *,
        began_earlier: Callable[[str, int], bool] = lambda _, __: False,
        habits: TapHabits | None = None,
        was_early: bool = False,
    ) -> None:
        """Begin without a stream.

        Args:
            table: The name that the table has as a stream, for warnings.
            began_earlier: Returns whether an earlier run is known to have begun a version of a stream.
            habits: What the tap shows in all its streams.
            was_early: Whether an earlier run saw an ACTIVATE_VERSION before the records of its version.
        """
        self._table = table
        self._began_earlier = began_earlier
        self._habits = habits or TapHabits()
        self._was_early = was_early
        self._streams: dict[str, VersionTracker] = {}
        self._expected: set[str] = set()
        self._invalid: str | None = None
        self._unswept: str | None = None

    def of(self, stream: str) -> VersionTracker:
        """Return the versions of one stream of the input."""
        if stream not in self._streams:
            self._streams[stream] = VersionTracker(lambda version: self._began_earlier(stream, version))
        return self._streams[stream]

    def expect(self, streams: Iterable[str]) -> None:
        """Note that the table has, or may have, rows of these streams. Without them nothing is complete."""
        self._expected.update(streams)

    @property
    def _missing(self) -> set[str]:
        """The streams of which nothing came, and of which the table may have rows."""
        return self._expected - self._streams.keys()

    def count_records(self, stream: str, version: int | None, count: int) -> None:
        """Count records of a stream of the input. The version is None for records without one."""
        self.of(stream).count_records(version, count)
        if version is not None and self.of(stream).announces_early:
            self._habits.announces_early = True

    def note_state(self) -> None:
        """Note a STATE message."""
        for stream in self._streams.values():
            stream.note_state()

    def invalidate(self, reason: str) -> None:
        """Note why no version of this run can tell which rows are missing. The first reason counts."""
        self._invalid = self._invalid or reason

    def note_unswept(self, reason: str) -> None:
        """Note why no range of the stream is swept, though the tap may have read some. The first reason counts."""
        self._unswept = self._unswept or reason

    @property
    def is_swept(self) -> bool:
        """Whether the tap has said which ranges of a stream it has read."""
        return self._unswept is not None or any(stream.swept for stream in self._streams.values())

    @property
    def swept(self) -> SweptRanges | None:
        """The ranges of which the source has no other keys than those that were read; None if there are none."""
        if not self.is_swept or self.sweep_problem() is not None:
            return None
        (stream,) = self._streams.values()
        return stream.swept

    def sweep_problem(self) -> str | None:
        """Return why no range that the tap has read can be swept, or None if it can, or if there is none."""
        if not self.is_swept:
            return None
        if reason := self._unswept or self._invalid:
            return reason
        if len(self._streams) > 1 or self._missing:
            return "the table also has the rows of other streams"
        return next(iter(self._streams.values())).sweep_problem()

    @property
    def has_versions(self) -> bool:
        """Whether records belong to a snapshot."""
        return any(stream.has_versions for stream in self._streams.values())

    @property
    def is_announced(self) -> bool:
        """Whether there may be a snapshot: records with a version, or an ACTIVATE_VERSION message."""
        return self.has_versions or self.is_activated

    @property
    def is_activated(self) -> bool:
        """Whether an ACTIVATE_VERSION message has come."""
        return any(stream.is_activated for stream in self._streams.values())

    @property
    def is_complete(self) -> bool:
        """Whether the sources have no other keys than those that were read."""
        streams = self._streams.values()
        whole = bool(streams) and all(stream.is_complete for stream in streams)
        return self._invalid is None and whole and not self._missing

    @property
    def is_empty(self) -> bool:
        """Whether the tap declared a snapshot without records complete."""
        return self._has_nothing and not self._is_quiet and not self._missing

    @property
    def _has_nothing(self) -> bool:
        return bool(self._streams) and all(stream.is_empty for stream in self._streams.values())

    @property
    def _is_quiet(self) -> bool:
        """Whether the tap has announced a version that has nothing new, as far as is known."""
        early = self._was_early or self._habits.announces_early
        return early or any(stream.is_continued for stream in self._streams.values())

    def announces_early(self) -> bool:
        """Return whether an ACTIVATE_VERSION without a record says nothing about this table, from what is known now."""
        if any(stream.announces_early for stream in self._streams.values()):
            return True
        return not self.is_complete and (self._was_early or (self._has_nothing and self._is_quiet))

    def open_versions(self, *, at_end: bool) -> list[tuple[str, int]]:
        """Return the versions that a later run may go on with, each with its stream. See `VersionTracker`."""
        return [
            (name, version) for name, stream in self._streams.items() for version in stream.open_versions(at_end=at_end)
        ]

    def warnings(self) -> Iterator[str]:
        """Yield the reason why a declared snapshot was not used, or that of a range."""
        if problem := self.sweep_problem():
            yield f"{self._table}: no row was marked deleted: {problem}."
        if self.is_activated and not (self.is_complete or self.is_empty):
            yield f"{self._table}: no row was marked deleted: {self._invalid or self._reason()}."

    def _reason(self) -> str:
        if self._has_nothing and self._is_quiet:
            return "ACTIVATE_VERSION came without a record, from a tap that sends it before the records"
        if any(stream.is_resumed and not stream.is_complete for stream in self._streams.values()):
            return "its version began in an earlier run, so this run has not seen all of it"
        others = sorted({*self._missing, *(name for name in self._streams if not self._streams[name].is_complete)})
        if len(self._streams) > 1 or self._missing:
            names = ", ".join(f"`{name}`" for name in others)
            return f"the table also has the rows of {names}, of which this run has no complete snapshot with records"
        return "ACTIVATE_VERSION came before the records of its version, which does not prove them complete"
