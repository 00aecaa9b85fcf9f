"""Where the tests run that can also run against the real BigQuery: what they are given, and what they leave known."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from servicetitan_sandbox.client.bigquery_project import Project
from support.real_bigquery.bill import Bill
from support.real_bigquery.discovery import Discovery
from support.real_bigquery.gateway import GOOGLE, Gateway
from support.real_bigquery.guard import Guard

REHEARSAL_PROJECT = "etl-check-rehearsal"
"""The project of a rehearsal, in the local BigQuery."""


@dataclass(frozen=True)
class Site:
    """Where the tests run.

    Attributes:
        project: The project.
        prefix: What the names of the run's datasets begin with.
        location: Where they are; None for BigQuery's default, which is US.
        is_real: Whether it is Google's BigQuery. Otherwise it is a rehearsal with the local one.
        workers: How many processes share the run.
    """

    project: str
    prefix: str
    location: str | None
    is_real: bool
    workers: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as simple values, for another process."""
        return asdict(self)


@dataclass(frozen=True)
class Finding:
    """What a probe found about a rule of BigQuery.

    Attributes:
        rule: The rule's name.
        outcome: Whether BigQuery does as the rule says.
        seen: What it did, in a few words.
    """

    rule: str
    outcome: str
    seen: str


@dataclass
class Results:
    """What is known at the end of a run, or of one process of it.

    Attributes:
        findings: What the probes found.
        seconds: How long calls took, by method.
        queries: How many queries there were.
        most_bytes: The most that they can be billed.
        left: Datasets that were still there at the end.
    """

    findings: list[Finding] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    queries: int = 0
    most_bytes: int = 0
    left: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the results as simple values, for another process."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Results:
        """Return the results that :meth:`to_dict` has written."""
        findings = [Finding(**finding) for finding in values["findings"]]
        return cls(**{**values, "findings": findings})

    def add(self, others: Results) -> None:
        """Add the results of another process."""
        self.findings += others.findings
        for method, seconds in others.seconds.items():
            self.seconds.setdefault(method, []).extend(seconds)
        self.queries += others.queries
        self.most_bytes += others.most_bytes
        self.left += others.left


class Workplace:
    """Gives each test of this process a part of the project with its own datasets.

    Args:
        site: Where the tests run.
        local_endpoint: Base URL of the local BigQuery, for a rehearsal.
        name: Name of this process, so that no two use the same datasets.

    Attributes:
        site: Where the tests run.
        gateway: The address of BigQuery, while it is open.
    """

    def __init__(self, site: Site, local_endpoint: str, name: str) -> None:
        self.site = site
        self._bill = Bill(1 / site.workers)
        upstream = GOOGLE if site.is_real else local_endpoint
        self.gateway = Gateway(upstream, Discovery.of_bigquery(), Guard(site.project, site.prefix), self._bill)
        self._prefix = f"{site.prefix}{name}_"
        self._parts = 0

    def next_project(self) -> Project:
        """Return a part of the project that no other test uses. Its datasets do not exist yet."""
        self._parts += 1
        return self._project(f"{self._prefix}{self._parts}_")

    def results(self) -> Results:
        """Return what the calls of this process have shown, and which datasets it has left."""
        existing = self._project(self._prefix).client.list_datasets()
        return Results(
            seconds=dict(self.gateway.seconds),
            queries=self._bill.queries,
            most_bytes=self._bill.bytes,
            left=[each.dataset_id for each in existing if each.dataset_id.startswith(self._prefix)],
        )

    def _project(self, prefix: str) -> Project:
        return Project(self.gateway.url, self.site.project, prefix=prefix, location=self.site.location)
