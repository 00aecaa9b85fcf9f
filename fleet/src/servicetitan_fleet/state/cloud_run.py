"""A Cloud Run Job: the command that executes it, and the address of its log lines. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = re.compile(
    r"projects/(?P<project>[a-z0-9.:-]+)/locations/(?P<region>[a-z0-9-]+)/jobs/(?P<job>[a-z](?:[a-z0-9-]*[a-z0-9])?)"
)
"""https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRunJob:
    """The job that runs the fleet."""

    project: str
    region: str
    job: str

    def execute(self, arguments: Sequence[str]) -> list[str]:
        """Return the words of the shell command that executes it once, with other arguments than its own."""
        return [
            *("gcloud", "run", "jobs", "execute", self.job, "--tasks=1", f"--args={','.join(arguments)}"),
            *(f"--region={self.region}", f"--project={self.project}"),
        ]

    def describe_schedule(self) -> list[str]:
        """Return the words of the shell command about its schedule: the job of Cloud Scheduler has the same name."""
        return [
            *("gcloud", "scheduler", "jobs", "describe", self.job),
            *(f"--location={self.region}", f"--project={self.project}"),
        ]

    def logs_link(self, company_id: str, execution: str) -> str:
        """Return the address of a company's log lines of an execution."""
        return logs_link(self.project, self.job, company_id, execution)


def parse_job(name: str) -> CloudRunJob:
    """Parse the full name of a job.

    Raises:
        PluginError: If it is not one.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise PluginError(
            f"{name[:200]} is not the name of a Cloud Run Job, projects/PROJECT/locations/REGION/jobs/JOB"
        )
    return CloudRunJob(**match.groupdict())


def logs_link(project: str, job: str, company_id: str, execution: str) -> str:
    """Return the address of a company's log lines of an execution.

    https://cloud.google.com/logging/docs/view/logs-explorer-interface describes such addresses.
    """
    query = (
        'resource.type="cloud_run_job"\n'
        f'resource.labels.job_name="{job}"\n'
        f'labels."run.googleapis.com/execution_name"="{execution}"\n'
        f'jsonPayload.company="{company_id}"'
    )
    return (
        f"https://console.cloud.google.com/logs/query;query={quote(query, safe='')};duration=P7D"
        f"?project={quote(project, safe='')}"
    )
