"""The command that helps a company, by what is wrong with it. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from servicetitan_fleet.health.freshness import Freshness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus
    from servicetitan_fleet.report.summary import Summary
    from servicetitan_fleet.state.cloud_run import CloudRunJob

NO_ACCESS = (
    "was refused (",
    "refused a new access token",
    "lets the app read none of",
    "Access Denied",
    "from Secret Manager",
    "is not set",
    "skipped: ",
)
"""In the reasons of runs that another run cannot help: someone must mend credentials, scopes or roles first."""

MASS_DELETE = ("live rows deleted", "live row deleted", "the snapshot is empty, but")
"""In the reasons of streams whose deletions the target's guard refused."""

FOREIGN_ROWS = ("rows that this target did not write",)
"""In the reason of a stream whose table another system has filled."""

DAMAGED_RECORD = "is not a valid record"
"""In the reason of a company whose object in the storage is damaged."""


def suggest_command(company: CompanyStatus | Summary, options: Sequence[str], job: CloudRunJob | None = None) -> str:
    """Return the shell command that an operator should try.

    It never changes more than the next scheduled run would: `check` where a run would fail again, a dry run that counts
    the rows where deletions were refused, or that tells what taking over a table would do, and otherwise `run`.

    Args:
        company: The company.
        options: Options for registry, storage and environment. A job has its own.
        job: The Cloud Run Job that runs the fleet; None where it is run by hand.
    """
    words = _choose_arguments(company)
    return shlex.join(job.execute(words) if job else ["orchestrate-etl", *words, *options])


def _choose_arguments(company: CompanyStatus | Summary) -> list[str]:
    if company.is_refused:
        return ["check"]
    chosen = ["--company", company.company.company_id]
    reasons = [company.reason, *(issue.reason for issue in company.issues)]
    needs_check = (*NO_ACCESS, DAMAGED_RECORD)
    if company.freshness is Freshness.UNREADABLE or any(text in reason for reason in reasons for text in needs_check):
        return ["check", *chosen]
    for phrases, option in ((MASS_DELETE, "--allow-mass-delete"), (FOREIGN_ROWS, "--adopt")):
        if named := _streams_with(company, phrases):
            return ["run", *chosen, *(word for name in named for word in (option, name)), "--dry-run"]
    return ["run", *chosen]


def _streams_with(company: CompanyStatus | Summary, phrases: Sequence[str]) -> list[str]:
    """Return the streams whose reasons have one of the phrases."""
    found = [issue for issue in company.issues if any(phrase in issue.reason for phrase in phrases)]
    return [name for issue in found for name in issue.streams]


def suggest_schedule_command(job: CloudRunJob) -> str:
    """Return the shell command that shows why no run has begun."""
    return shlex.join(job.describe_schedule())
