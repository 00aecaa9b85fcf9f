"""Where the fleet runs, and the links that follow from it: to the logs and to the runbook. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.state.cloud_run import logs_link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicetitan_fleet.notify.trouble import TroubleKind

RUNBOOK = "docs/how-to/runbook.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a run."""

    environment: str
    """`dev`, `qua` or `pro`."""

    project: str = ""
    job: str = ""
    execution: str = ""
    """The project, the job and the execution on Cloud Run; empty elsewhere."""

    runbook: str = RUNBOOK
    """Address of the runbook."""

    def runbook_link(self, kind: TroubleKind) -> str:
        """Return the address of the runbook's line about a kind of trouble."""
        return f"{self.runbook}#{kind.anchor}"

    def logs_link(self, company_id: str) -> str:
        """Return the address of a company's log lines of this execution; empty where there is none."""
        if not (self.project and self.job and self.execution):
            return ""
        return logs_link(self.project, self.job, company_id, self.execution)


def place_from(environment: Mapping[str, str], name: str) -> Place:
    """Return the place that the environment describes.

    Args:
        environment: Variables of this process. Cloud Run sets those of job and execution.
        name: Name of the Meltano environment.
    """
    return Place(
        environment=name,
        project=environment.get("ETL_PROJECT_ID") or environment.get("GOOGLE_CLOUD_PROJECT", ""),
        job=environment.get("CLOUD_RUN_JOB", ""),
        execution=environment.get("CLOUD_RUN_EXECUTION", ""),
        runbook=environment.get("ETL_RUNBOOK_URL") or RUNBOOK,
    )
