"""The interface for reporting the progress of a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.fleet.outcome import Outcome
    from servicetitan_fleet.meltano.log_lines import LogLine


class Reporter(Protocol):
    """Reports the progress of a fleet. Several threads call it."""

    def on_start(self, company_id: str) -> None:
        """Report that a company's run starts."""

    def on_log_line(self, company_id: str, line: LogLine) -> None:
        """Report a log line of a company's process."""

    def on_end(self, outcome: Outcome) -> None:
        """Report how a company's run ended."""

    def on_notice(self, company_id: str, severity: str, message: str, fields: Mapping[str, object]) -> None:
        """Report what else there is to say about a company; an empty id: about all.

        Args:
            company_id: The company.
            severity: As Cloud Logging names it.
            message: One line.
            fields: Its parts, for machines.
        """

    def on_finish(self, outcomes: Sequence[Outcome], summary: str) -> None:
        """Report the outcomes of all companies, at the end."""
