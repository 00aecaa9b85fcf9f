"""What the commands say of entries of the registry that are refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from servicetitan_fleet.fleet.outcome import Outcome, Result

if TYPE_CHECKING:
    from servicetitan_fleet.fleet.reporter import Reporter
    from servicetitan_fleet.registry.entries import Entries
    from servicetitan_fleet.state.execution import Execution

_logger = logging.getLogger(__name__)


def warn_of_disabled(entries: Entries) -> None:
    """Log a warning for each refused entry whose company is disabled: it would not run anyway."""
    for warning in entries.warnings:
        _logger.warning("%s", warning)


def report_refused(entries: Entries, reporter: Reporter, execution: Execution) -> list[Outcome]:
    """Report each refused entry as a company that failed, and return the outcomes.

    All tasks of an execution read the same registry. The first one reports, so that each entry is reported once.
    """
    if execution.task:
        return []
    warn_of_disabled(entries)
    outcomes = [Outcome(company_id=bad.name, result=Result.FAILED, reason=bad.reason) for bad in entries.failed]
    for outcome in outcomes:
        reporter.on_start(outcome.company_id)
        reporter.on_end(outcome)
    return outcomes
