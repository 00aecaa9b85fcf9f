"""What the commands say of entries of the registry that are refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from servicetitan_fleet.fleet.outcome import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_fleet.fleet.reporter import Reporter
    from servicetitan_fleet.registry.entries import BadEntry, Entries

_logger = logging.getLogger(__name__)


def warn_of_disabled(entries: Entries, task: int = 0) -> None:
    """Log a warning for each refused entry whose company is disabled: it would not run anyway.

    Args:
        entries: The entries of the registry.
        task: The number of the task. All tasks read the same registry, so only the first one warns.
    """
    for warning in entries.warnings if task == 0 else ():
        _logger.warning("%s", warning)


def report_refused(refused: Iterable[BadEntry], reporter: Reporter) -> list[Outcome]:
    """Report each refused entry as a company that failed, and return the outcomes."""
    outcomes = [Outcome(company_id=bad.name, result=Result.FAILED, reason=bad.reason) for bad in refused]
    for outcome in outcomes:
        reporter.on_start(outcome.company_id)
        reporter.on_end(outcome)
    return outcomes
