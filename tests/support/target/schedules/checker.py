"""Judges what happens to the table: each row must be as the source was at some time, and only go forward in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.target.schedules.source import Values

Row = tuple[int | None, bool]
"""Value of a row, and whether it is live."""

Rows = dict[int, Row]
"""The rows of the table by key."""


@dataclass(frozen=True)
class Violation:
    """A promise that was broken."""

    kind: str
    """Which one, in a few words."""
    text: str
    """What happened."""

    @override
    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class Checker:
    """Follows one table. Each row has a floor: the version of the source that it is known to have reached."""

    def __init__(self, history: Sequence[Values], rows: Mapping[int, Row]) -> None:
        """Begin with the table as it is.

        Args:
            history: The versions of the source.
            rows: The rows of the table. They are those of version 0.
        """
        self._history = history
        self.rows = dict(rows)
        """The table when it was last looked at."""
        self.floors = dict.fromkeys({key for values in history for key in values}, 0)
        """The version that each row is known to have reached."""
        self.violations: list[Violation] = []

    def report(self, kind: str, text: str) -> None:
        """Note that a promise was broken."""
        self.violations.append(Violation(kind, text))

    def see_write(self, rows: Mapping[int, Row], writer: str) -> None:
        """Compare the table after a write with what it was before."""
        for key in self.floors:
            if rows.get(key) != self.rows.get(key):
                self._raise_floor(key, rows.get(key), self.floors[key], f"{writer} wrote")
        self.rows = dict(rows)

    def see_promise(self, rows: Mapping[int, Row], version: int, who: str, kind: str) -> None:
        """Check that the table is as the source was at a version, or later: a STATE or an end without an error says so.

        Args:
            rows: The table.
            version: The version.
            who: Who says so.
            kind: Kind of the promise.
        """
        for key in self.floors:
            at = self._earliest(key, rows.get(key), version)
            if at is None:
                wanted = self._history[version].get(key)
                self.report(kind, f"{who} says version {version}, where {key} is {wanted}; its row is {rows.get(key)}")
            else:
                self.floors[key] = max(self.floors[key], at)

    def see_end(self, rows: Mapping[int, Row]) -> None:
        """Check that the live rows are those of the last version."""
        live = {key: value for key, (value, is_live) in rows.items() if is_live}
        if live != self._history[-1]:
            self.report("the next run alone ends wrong", f"the table has {live}, the source {self._history[-1]}")

    def _raise_floor(self, key: int, row: Row | None, floor: int, who: str) -> None:
        at = self._earliest(key, row, floor)
        if at is not None:
            self.floors[key] = at
            return
        if row is None:
            kind = "a row vanished"
        elif not row[1]:
            kind = "a live row was marked deleted"
        else:
            kind = "an older value over a newer one"
        before = self.rows.get(key)
        self.report(kind, f"{who} {row} over {before} in the row {key}, which had reached version {floor}")

    def _earliest(self, key: int, row: Row | None, floor: int) -> int | None:
        """Return the first version from the floor on in which the source was as the row says; None if there is none."""
        wanted = row[0] if row and row[1] else None
        return next((at for at in range(floor, len(self._history)) if self._history[at].get(key) == wanted), None)
