"""Tells from Meltano's log whether it has saved the last state of a run. Pure.

Meltano's exit code does not tell: it is 0 when the state could not be saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicetitan_fleet.meltano.log_lines import LogLine

SAVED = "Incremental state has been updated"
NOT_SAVED = (
    "Failed to persist incremental state",
    "Failed to persist job to the system database",
    "incremental state could not be updated",
)
"""How Meltano's lines begin, or what they contain (`BookmarkWriter` in meltano 4.4)."""

PROBLEM = "its rows are written, but its state could not be saved: the next run reads them again"


class StateWatch:
    """Watches the lines of one run."""

    def __init__(self) -> None:
        self._is_lost = False

    def add(self, line: LogLine) -> None:
        """Note what a line says of the state."""
        if line.message.startswith(SAVED):
            self._is_lost = False
        elif any(text in line.message for text in NOT_SAVED):
            self._is_lost = True

    @property
    def problem(self) -> str:
        """What is wrong with the state at the end of the run; empty if nothing is."""
        return PROBLEM if self._is_lost else ""
