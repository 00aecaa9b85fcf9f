"""The command that helps a company, by what is wrong with it. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from servicetitan_fleet.health.freshness import Freshness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus
    from servicetitan_fleet.report.summary import Summary

NO_ACCESS = ("was refused (", "refused a new access token", "lets the app read none of", "Access Denied")
"""In the reasons of runs that another run cannot help: someone must mend credentials, scopes or roles first."""

MASS_DELETE = "live rows deleted"
"""In the reason of a stream whose deletions the target's guard refused."""


def suggest_command(company: CompanyStatus | Summary, options: Sequence[str]) -> str:
    """Return the shell command that an operator should try.

    It never changes more than the next scheduled run would: `check` where a run would fail again, a dry run that counts
    the rows where deletions were refused, and otherwise `run`.

    Args:
        company: The company.
        options: Options for registry, storage and environment.
    """
    if company.is_refused:
        return shlex.join(["orchestrate-etl", "check", *options])
    chosen = ["--company", company.company.company_id]
    reasons = [company.reason, *(issue.reason for issue in company.issues)]
    if company.freshness is Freshness.UNREADABLE or any(text in reason for reason in reasons for text in NO_ACCESS):
        return shlex.join(["orchestrate-etl", "check", *chosen, *options])
    guarded = [name for issue in company.issues if MASS_DELETE in issue.reason for name in issue.streams]
    allowed = [word for name in guarded for word in ("--allow-mass-delete", name)]
    return shlex.join(["orchestrate-etl", "run", *chosen, *allowed, *(["--dry-run"] if guarded else []), *options])
