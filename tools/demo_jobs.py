"""The jobs of the demonstration's two companies, and the mart over both that it ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mart_views import make_mart
from servicetitan_sandbox.client.control import Control

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicetitan_sandbox.client.bigquery_project import Project

MART, DATASET = "servicetitan__jobs_funnel", "reports"

JOBS, APPOINTMENTS = map(Control.entity, ("/jpm/v2/tenant/{tenant}/jobs", "/jpm/v2/tenant/{tenant}/appointments"))
SIZES = {JOBS: 0, APPOINTMENTS: 0}
"""The tenants have no other jobs: made-up ones have made-up states."""

STREAMS = ("jobs", "appointments")
"""What the mart reads, and the tap does not read by default."""

DONE, CANCELED, OPEN = "Completed", "Canceled", "Scheduled"
BOOKED = {
    "north-plumbing": {"Repairs": [DONE, DONE, DONE, CANCELED], "New pipes": [DONE, OPEN, OPEN]},
    "south-electric": {"Repairs": [DONE, DONE, OPEN], "Solar": [DONE, DONE, CANCELED, OPEN, OPEN]},
}
"""What has become of the jobs of a week, by company and business unit."""

QUESTION = """\
SELECT '{company}' AS company, business_unit_name AS business_unit,
  SUM(booked) AS booked, SUM(completed) AS completed,
  SUM(canceled) AS canceled, SUM(still_open) AS still_open
FROM `{project}.{dataset}.{mart}`
GROUP BY business_unit_name"""


class Figures(NamedTuple):
    """A row of the answer."""

    company: str
    business_unit: str
    booked: int
    completed: int
    canceled: int
    still_open: int


def add_jobs(control: Control, tenant_id: str, company: str) -> None:
    """Add a company's business units and their jobs to its tenant."""
    for unit, states in BOOKED[company].items():
        unit_id = control.insert(tenant_id, "business_units", {"name": unit, "active": True})["id"]
        for day, state in enumerate(states, 6):
            job = control.insert(tenant_id, JOBS, _job(unit_id, day, state))
            if state != CANCELED:
                start = f"2024-05-{day + 1:02}T09:00:00Z"
                control.insert(tenant_id, APPOINTMENTS, {"jobId": job["id"], "start": start, "active": True})


def _job(unit_id: int, day: int, state: str) -> dict[str, Any]:
    return {
        "businessUnitId": unit_id,
        "jobStatus": state,
        "createdOn": f"2024-05-{day:02}T08:00:00Z",
        "completedOn": f"2024-05-{day + 2:02}T08:00:00Z" if state == DONE else None,
        "active": True,
    }


def ask_both(projects: Mapping[str, Project]) -> tuple[str, list[Figures]]:
    """Make the mart in each company's project, and return a query over all of them and its answer.

    Args:
        projects: The companies' projects, by company.
    """
    for project in projects.values():
        make_mart(project, MART, DATASET)
    parts = (
        QUESTION.format(company=company, project=project.name, dataset=project.dataset(DATASET), mart=MART)
        for company, project in projects.items()
    )
    query = "\nUNION ALL\n".join(parts) + "\nORDER BY company, business_unit"
    anywhere = next(iter(projects.values()))
    return query, [Figures(**row) for row in anywhere.query(query)]


def expected() -> list[Figures]:
    """Return the answer that is right."""
    return sorted(
        Figures(company, unit, len(states), states.count(DONE), states.count(CANCELED), states.count(OPEN))
        for company, units in BOOKED.items()
        for unit, states in units.items()
    )
