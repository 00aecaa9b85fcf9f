"""Whom a run of the fleet tells about its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_fleet.fleet.outcome import Outcome
    from servicetitan_fleet.meltano.log_lines import LogLine


class Reporter(Protocol):
    """Is told what happens, from several threads."""

    def started(self, company_id: str) -> None:
        """A company's turn has come."""

    def said(self, company_id: str, line: LogLine) -> None:
        """A company's process has said something."""

    def ended(self, outcome: Outcome) -> None:
        """A company is done with."""

    def finished(self, outcomes: Sequence[Outcome], summary: str) -> None:
        """All companies are done with."""
