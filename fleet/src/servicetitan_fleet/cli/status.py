"""The command `status`: shows how fresh each company's data is."""

from __future__ import annotations

import datetime as dt
import os
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from servicetitan_fleet.cli.options import (
    companies_option,
    max_age_option,
    only_option,
    readers_option,
    storage_option,
    trust_option,
)
from servicetitan_fleet.cli.refused import warn_of_disabled
from servicetitan_fleet.console.tables import company_table, issue_table, make_console
from servicetitan_fleet.health.company_warehouse import SharedClients
from servicetitan_fleet.health.etl_logs import LogReader, collect_evidence
from servicetitan_fleet.health.freshness import assess_company, summarize_statuses
from servicetitan_fleet.health.refused import refused_status
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.execution import execution_from
from servicetitan_fleet.state.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus

LOOK_BACK = dt.timedelta(days=14)
"""Streams whose last run is older are not shown."""


@dataclass(frozen=True, kw_only=True)
class StatusQuery:
    """A query for the status of companies: the options that `status` and `report` share."""

    registry: str
    trusted: bool
    storage: str
    only: Sequence[str]
    max_age_hours: float
    parallel: int

    def run(self, now: dt.datetime, runs: int = 0) -> Iterator[CompanyStatus]:
        """Read the evidence of the companies, assess it, and yield it as it comes.

        Args:
            now: The current time.
            runs: Of how many runs to read what their streams did.
        """
        entries = open_registry(self.registry, os.environ, trusted=self.trusted).read().select(self.only)
        warn_of_disabled(entries)
        claims = Claims(open_storage(self.storage), execution_from(os.environ))
        max_age = dt.timedelta(hours=self.max_age_hours)
        yield from map(refused_status, entries.failed)
        with closing(SharedClients(os.environ, self.parallel)) as shared:
            reader = LogReader(os.environ, now - LOOK_BACK, runs=runs, shared=shared)
            for evidence in collect_evidence(entries.companies, reader.read, claims.read_record, self.parallel):
                yield assess_company(evidence, now, max_age)


@click.command()
@companies_option
@trust_option
@storage_option
@only_option
@max_age_option
@readers_option
def status(**options: Any) -> None:  # noqa: ANN401 - the fields of StatusQuery
    """Show how fresh each company's data is.

    A second table lists the companies and streams that are stale or failed.

    Exit code 0: all data is fresh. 1: some is not.
    """
    now = utc_now()
    statuses = list(StatusQuery(**options).run(now))
    console = make_console()
    console.print(company_table(statuses, now, console.width))
    if issues := issue_table(statuses, now, console.width):
        console.print(issues)
    console.print(summarize_statuses(statuses), markup=False)
    if not all(company.freshness.is_good for company in statuses):
        sys.exit(1)
