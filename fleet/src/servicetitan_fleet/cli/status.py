"""The command that looks at the fleet and changes nothing."""

from __future__ import annotations

import datetime as dt
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from servicetitan_fleet.cli.options import companies_option, only_option, readers_option, storage_option
from servicetitan_fleet.console.tables import company_table, table_console, trouble_table
from servicetitan_fleet.health.etl_logs import LogReader, gather
from servicetitan_fleet.health.freshness import company_status, summary
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.registry.company import chosen
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.execution import execution_of
from servicetitan_fleet.state.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus


LOOK_BACK = dt.timedelta(days=14)
"""Streams that have not been run for so long are not shown any more."""

max_age_option = click.option(
    "--max-age-hours",
    envvar="ETL_MAX_AGE_HOURS",
    type=click.FloatRange(0, min_open=True),
    default=8,
    show_default=True,
    help="Data that is older is stale.",
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the commands that ask for the companies' state are told."""

    registry: str
    storage: str
    only: Sequence[str]
    max_age_hours: float
    parallel: int

    def answer(self, moment: dt.datetime, runs: int) -> list[CompanyStatus]:
        """Return how the companies are, by the last `runs` runs of each stream."""
        companies = list(chosen(open_registry(self.registry, os.environ).companies(), self.only))
        claims = Claims(open_storage(self.storage), execution_of(os.environ))
        reader = LogReader(os.environ, moment - LOOK_BACK, runs)
        evidence = gather(companies, reader.read, claims.record, self.parallel)
        return [company_status(one, moment, dt.timedelta(hours=self.max_age_hours)) for one in evidence]


@click.command()
@companies_option
@storage_option
@only_option
@max_age_option
@readers_option
def status(**options: Any) -> None:  # noqa: ANN401 - one a field of Question
    """Print how fresh each company's data is, and which streams are stale or failed.

    Exit code 0: everything is fresh. 1: something is not.
    """
    moment = utc_now()
    statuses = Question(**options).answer(moment, runs=1)
    console = table_console()
    console.print(company_table(statuses, moment))
    if troubles := trouble_table(statuses, moment):
        console.print(troubles)
    console.print(summary(statuses), markup=False)
    if not all(one.freshness.is_good for one in statuses):
        sys.exit(1)
