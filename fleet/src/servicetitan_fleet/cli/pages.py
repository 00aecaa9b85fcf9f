"""Writes the pages of the report: what the commands `report` and `dashboard` share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from servicetitan_fleet.cli.options import (
    companies_option,
    environment_option,
    max_age_option,
    only_option,
    readers_option,
    storage_option,
    trust_option,
)
from servicetitan_fleet.cli.status import StatusQuery
from servicetitan_fleet.files import replace_file
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.report.cost import PRICE_PER_TIB
from servicetitan_fleet.report.page import PageContext, render_company, render_overview, render_page
from servicetitan_fleet.report.runs import LAST_RUNS, list_runs
from servicetitan_fleet.report.summary import Summary, summarize
from servicetitan_fleet.state.cloud_run import parse_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from servicetitan_fleet.health.freshness import CompanyStatus

MOST_ON_A_PAGE = 50
"""Companies of a fleet that is shown on one page."""

_OPTIONS = (
    companies_option,
    trust_option,
    storage_option,
    only_option,
    environment_option,
    max_age_option,
    readers_option,
    click.option(
        "--cloud-run-job",
        envvar="ETL_CLOUD_RUN_JOB",
        metavar="NAME",
        help="Job that runs the fleet, for links to its logs and for commands: "
        "projects/PROJECT/locations/REGION/jobs/JOB.  [default: none, the fleet is run by hand]",
    ),
    click.option(
        "--logs",
        envvar="ETL_LOGS",
        metavar="PLACE",
        default="",
        help="Where the lines of the runs are kept, if not in Cloud Logging: the page says so.",
    ),
    click.option(
        "--every-hours",
        envvar="ETL_EVERY_HOURS",
        type=click.FloatRange(0, min_open=True),
        default=6,
        show_default=True,
        help="Hours from one scheduled run to the next: the page says when the next one is expected.",
    ),
    click.option(
        "--price-per-tib",
        envvar="ETL_PRICE_PER_TIB",
        type=click.FloatRange(0),
        default=PRICE_PER_TIB,
        show_default=True,
        help="US dollars that BigQuery bills for a TiB of queries. The default is on demand, United States.",
    ),
)


def report_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that makes the report's pages. They are the fields of `ReportQuery.from_options`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """What a report is about, and how it is made."""

    query: StatusQuery
    context: PageContext

    @classmethod
    def from_options(  # noqa: PLR0913 - one parameter per option
        cls,
        *,
        environment: str,
        cloud_run_job: str | None,
        logs: str,
        every_hours: float,
        price_per_tib: float,
        refresh_seconds: int = 0,
        **options: Any,  # noqa: ANN401 - the fields of StatusQuery
    ) -> ReportQuery:
        """Return the query that options describe.

        Raises:
            PluginError: If the job is not the name of one.
        """
        query = StatusQuery(**options)
        return cls(
            query=query,
            context=PageContext(
                now=dt.datetime.min.replace(tzinfo=dt.UTC),
                max_age_hours=query.max_age_hours,
                options=["--environment", environment, "--companies", query.registry, "--storage", query.storage],
                job=parse_job(cloud_run_job) if cloud_run_job else None,
                logs=logs,
                every=dt.timedelta(hours=every_hours),
                price_per_tib=price_per_tib,
                refresh_seconds=refresh_seconds,
            ),
        )

    def write(self, output: Path, now: dt.datetime) -> Sequence[CompanyStatus | Summary]:
        """Read the state of the companies and write their page, or pages. Return the companies.

        Raises:
            PluginError: If the registry cannot be read, or a file cannot be written.
        """
        context = self.context.at(now)
        statuses = self.query.run(now, runs=LAST_RUNS)
        few = list(islice(statuses, MOST_ON_A_PAGE + 1))
        try:
            if len(few) <= MOST_ON_A_PAGE:
                replace_file(output, render_page(few, context).encode())
                return few
            return write_pages(output, chain(few, statuses), context)
        except OSError as error:
            raise PluginError(f"cannot write {output}: {error.strerror}") from error


def write_pages(output: Path, statuses: Iterable[CompanyStatus], context: PageContext) -> list[Summary]:
    """Write the page of each company as it comes, and then the overview.

    Raises:
        OSError: If a file cannot be written.
    """
    folder = output.with_suffix(".companies")
    folder.mkdir(exist_ok=True)
    links: dict[str, str] = {}
    summaries = []
    for status in statuses:
        company_id = status.company.company_id
        runs = list_runs(status)
        if not status.is_refused:  # its name may be no file's
            page = folder / f"{company_id}.html"
            replace_file(page, render_company(status, runs, context, f"../{output.name}").encode())
            links[company_id] = f"{folder.name}/{page.name}"
        summaries.append(summarize(status, runs))
    replace_file(output, render_overview(summaries, context, links).encode())
    for old in folder.glob("*.html"):
        if old.stem not in links:
            old.unlink()
    return summaries
