"""Decides whether the records of a stream are a complete snapshot. Pure: it counts, and does no I/O.

A snapshot is complete if the tap sends ACTIVATE_VERSION *after* the records of that version. Many taps send the message
before the records; a crashed tap would then look like one that has finished. Such a version marks no row deleted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class VersionTracker:
    """The versions of one stream in one run."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._records: Counter[int | None] = Counter()
        self._activated: dict[int, int] = {}
        self._late: set[int] = set()
        self._invalid: str | None = None

    def count_records(self, version: int | None, count: int) -> None:
        """Count records that were read. The version is None for records without one."""
        self._records[version] += count
        if version in self._activated:
            self._late.add(version)

    def activate(self, version: int) -> None:
        """Note an ACTIVATE_VERSION message. The first one of a version decides whether it came too early."""
        self._activated.setdefault(version, self._records[version])

    def invalidate(self, reason: str) -> None:
        """Note why no version of this run can tell which rows are missing. The first reason counts."""
        self._invalid = self._invalid or reason

    @property
    def has_versions(self) -> bool:
        """Whether the stream's records belong to a snapshot."""
        return any(version is not None and count for version, count in self._records.items())

    @property
    def is_announced(self) -> bool:
        """Whether there may be a snapshot: records with a version, or an ACTIVATE_VERSION message."""
        return self.has_versions or self.is_activated

    @property
    def is_activated(self) -> bool:
        """Whether an ACTIVATE_VERSION message has come."""
        return bool(self._activated)

    @property
    def is_complete(self) -> bool:
        """Whether the source has no other keys than those that were read."""
        return self._invalid is None and any(
            before and version not in self._late for version, before in self._activated.items()
        )

    @property
    def is_empty(self) -> bool:
        """Whether the tap declared a snapshot without records complete."""
        return bool(self._activated) and not self._records.total()

    def warnings(self) -> Iterator[str]:
        """Yield the reason why a declared snapshot was not used."""
        if self.is_complete or self.is_empty or not self._activated:
            return
        too_early = "ACTIVATE_VERSION came before the records of its version, which does not prove them complete"
        yield f"{self._stream}: no row was marked deleted: {self._invalid or too_early}."
