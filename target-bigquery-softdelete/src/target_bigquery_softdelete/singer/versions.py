"""Knows whether the records of a stream are a complete snapshot. Pure: it counts, and does no I/O.

A snapshot is complete when the tap says so with ACTIVATE_VERSION *after* the records of that version. Many taps send
the message before the records; a crashed tap would then look like one that has finished. Such a version marks nothing
deleted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Snapshots:
    """The versions of one stream in one run."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._records: Counter[int | None] = Counter()
        self._activated: dict[int, int] = {}
        self._late: set[int] = set()
        self._void: str | None = None

    def records(self, version: int | None, count: int) -> None:
        """Note that records of a version were read; None for records that have none."""
        self._records[version] += count
        if version in self._activated:
            self._late.add(version)

    def activate(self, version: int) -> None:
        """Note an ACTIVATE_VERSION message. The first one of a version decides whether it was early."""
        self._activated.setdefault(version, self._records[version])

    def void(self, reason: str) -> None:
        """Note that no version of this run can tell which rows are missing."""
        self._void = self._void or reason

    @property
    def versioned(self) -> bool:
        """Whether the stream's records belong to a snapshot."""
        return any(version is not None and count for version, count in self._records.items())

    @property
    def announced(self) -> bool:
        """Whether there is, or may be, a snapshot: records of a version, or an ACTIVATE_VERSION message."""
        return self.versioned or bool(self._activated)

    @property
    def complete(self) -> bool:
        """Whether the keys that were read are all that the source has."""
        return self._void is None and any(
            before and version not in self._late for version, before in self._activated.items()
        )

    @property
    def empty(self) -> bool:
        """Whether a snapshot without any record was declared complete."""
        return bool(self._activated) and not self._records.total()

    def warnings(self) -> Iterator[str]:
        """Yield why a declared snapshot was not used."""
        if self.complete or self.empty or not self._activated:
            return
        reason = self._void or "ACTIVATE_VERSION came before the records of its version, so it does not prove an end"
        yield f"{self._stream}: no row was marked deleted: {reason}."
