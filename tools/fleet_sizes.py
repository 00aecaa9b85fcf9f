"""What a fleet takes of the quotas, and costs: a model for several sizes and rhythms, from measured figures.

Prices and quotas are those that Google publishes for us-central1, on demand and without free tiers. All figures of a
company are for its 120 streams of `billing.FLEET`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import billing

if TYPE_CHECKING:
    from collections.abc import Sequence

UNCHANGED_SECONDS, UNCHANGED_CALLS = 5.7, 12
"""Of a run of 155 streams in BigQuery's time of which nothing has changed: its end, and its calls."""

CHANGED_SECONDS = 30.9
"""Of such a run in which each stream has changed. Both by `python -m benchmarks.bigquery_time` on an idle machine."""

COMPANIES = (30, 300, 1000)
EVERY_6_HOURS, EVERY_15_MINUTES = 4, 96
"""Runs a day."""

AT_A_TIME = 4
"""Companies that a task runs at the same time: `COMPANIES_AT_A_TIME`."""

TASK_CPUS, TASK_GIB = 2, 4
"""`CPU` and `MEMORY` of a task."""

WINDOW_SECONDS = {EVERY_6_HOURS: 3600.0, EVERY_15_MINUTES: 600.0}
"""How long a run of the whole fleet should take, by the runs a day."""

PAGE_SECONDS = 1.0
"""How long ServiceTitan takes for a page."""

PAGES_AT_ONCE = 8
PARALLEL_JOBS = 32
"""The target's setting: jobs of one run that BigQuery works on at the same time."""

CPU_SECOND_DOLLARS, GIB_SECOND_DOLLARS = 0.000018, 0.000002
"""https://cloud.google.com/run/pricing, jobs."""

MOST_REQUESTS_AT_ONCE, MOST_REQUESTS_A_SECOND = 300, 100
"""Of one identity, and of one method (https://cloud.google.com/bigquery/quotas#api_request_quotas)."""

MOST_QUEUED_QUERIES = 1000
"""Interactive queries of a project and region (the same page)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """A fleet of a size that runs so many times a day."""

    companies: int
    runs: int

    @property
    def name(self) -> str:
        """What it is called."""
        every = "every 6 h" if self.runs == EVERY_6_HOURS else "every 15 min"
        return f"{self.companies:,} {every}"

    @property
    def groups(self) -> Sequence[billing.Group]:
        """The streams of a company. What changes in a day is spread over its runs."""
        part = EVERY_6_HOURS / self.runs
        return [
            replace(
                group,
                staged=group.staged if group.whole else max(1, round(group.staged * part)),
                busy=group.busy if group.whole else max(group.busy * part, 0.05),
                changing=group.changing * part,
            )
            for group in billing.FLEET
        ]

    @property
    def changed_streams(self) -> float:
        """Streams of a company that a run changes."""
        return sum(group.streams * group.busy * group.changing for group in self.groups)

    @property
    def queries(self) -> float:
        """Queries and other jobs of a company in a run: one for each stream that changes, and what each run asks."""
        return self.changed_streams + UNCHANGED_CALLS

    @property
    def requests_to_servicetitan(self) -> float:
        """Requests of a company in a run: a page for each small list, and what large ones have."""
        lists = sum(group.streams * -(-group.rows // 5000) for group in self.groups if group.whole)
        feeds = sum(group.streams for group in self.groups if not group.whole)
        return lists + feeds

    @property
    def seconds(self) -> float:
        """How long a company takes: ServiceTitan's pages, then BigQuery."""
        pages = self.requests_to_servicetitan * PAGE_SECONDS / PAGES_AT_ONCE
        share = min(1.0, self.changed_streams / billing.streams(self.groups))
        return pages + UNCHANGED_SECONDS + share * (CHANGED_SECONDS - UNCHANGED_SECONDS)

    @property
    def tasks(self) -> int:
        """Tasks that get through in the time for a run."""
        return max(1, -(-round(self.companies * self.seconds) // round(AT_A_TIME * WINDOW_SECONDS[self.runs])))

    @property
    def night_seconds(self) -> float:
        """How long a run of the fleet takes."""
        return self.companies * self.seconds / (AT_A_TIME * self.tasks)

    @property
    def requests_at_once(self) -> int:
        """The most requests to BigQuery on their way at the same time, if every company has as many jobs as it may."""
        return min(self.companies, self.tasks * AT_A_TIME) * PARALLEL_JOBS

    @property
    def requests_a_second(self) -> float:
        """Requests to BigQuery in a second, on average."""
        return self.companies * self.queries / self.night_seconds

    @property
    def cloud_run_dollars(self) -> float:
        """What Cloud Run costs in a month."""
        rate = TASK_CPUS * CPU_SECOND_DOLLARS + TASK_GIB * GIB_SECOND_DOLLARS
        return self.night_seconds * self.tasks * rate * self.runs * billing.DAYS

    @property
    def bigquery_dollars(self) -> float:
        """What BigQuery bills in a month for all companies, without free tiers and with no gain from clustering."""
        scale = self.runs / billing.RUNS
        streams = sum(billing.bytes_billed(group, touched=0.2) for group in self.groups) * scale
        # The log of so many runs is as much longer.
        once = billing.bytes_billed_runs(billing.streams(self.groups)) * scale
        return billing.dollars((streams + once) * self.companies)


RHYTHMS = tuple(Rhythm(companies=count, runs=runs) for runs in (EVERY_6_HOURS, EVERY_15_MINUTES) for count in COMPANIES)


def rows() -> list[list[str]]:
    """Return a row for each quota and cost: what it is, a figure for each size and rhythm, and what is allowed."""
    figures = (
        ("seconds of a company", lambda each: f"{each.seconds:,.0f}", ""),
        ("tasks", lambda each: f"{each.tasks:,}", "10,000"),
        ("minutes of a run", lambda each: f"{each.night_seconds / 60:,.0f}", ""),
        ("jobs and calls of a company in a run", lambda each: f"{each.queries:,.0f}", ""),
        (
            "requests to BigQuery a second",
            lambda each: f"{each.requests_a_second:,.0f}",
            f"{MOST_REQUESTS_A_SECOND} of an identity",
        ),
        (
            "at the same time, at most",
            lambda each: f"{each.requests_at_once:,}",
            f"{MOST_REQUESTS_AT_ONCE} of an identity",
        ),
        ("queued queries of a project", lambda _: f"{PARALLEL_JOBS}", f"{MOST_QUEUED_QUERIES:,}"),
        (
            "requests to ServiceTitan of a company a day",
            lambda each: f"{each.requests_to_servicetitan * each.runs:,.0f}",
            "60 a second",
        ),
        ("Cloud Run a month", lambda each: f"{each.cloud_run_dollars:,.0f} $", ""),
        ("BigQuery a month, all companies", lambda each: f"{each.bigquery_dollars:,.0f} $", ""),
        (
            "both, a company and month",
            lambda each: f"{(each.cloud_run_dollars + each.bigquery_dollars) / each.companies:,.2f} $",
            "",
        ),
    )
    return [[name, *map(figure, RHYTHMS), allowed] for name, figure, allowed in figures]


def head() -> list[str]:
    """Return the names of the columns."""
    return ["", *(each.name for each in RHYTHMS), "allowed"]
