"""The command `report`: writes an HTML page about the fleet."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
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
from servicetitan_fleet.health.freshness import summarize_statuses
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.report.company_charts import LAST_RUNS
from servicetitan_fleet.report.page import PageContext, render_company, render_overview, render_page
from servicetitan_fleet.report.summary import Summary, summarize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus

MOST_ON_A_PAGE = 50
"""Companies of a fleet that is shown on one page."""


@click.command()
@companies_option
@trust_option
@storage_option
@only_option
@environment_option
@max_age_option
@readers_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="report.html",
    show_default=True,
    help="File to write. An existing file is replaced.",
)
def report(output: Path, environment: str, **options: Any) -> None:  # noqa: ANN401 - the fields of StatusQuery
    """Write an HTML page about the fleet.

    It shows how fresh the data is, the last runs, and what to do about failures. With more than 50 companies, each
    gets a page of its own in the folder beside it: `report.companies`.
    """
    now = utc_now()
    query = StatusQuery(**options)
    suggested = ["--environment", environment, "--companies", query.registry, "--storage", query.storage]
    context = PageContext(now=now, max_age_hours=query.max_age_hours, options=suggested)
    statuses = query.run(now, runs=LAST_RUNS)
    few = list(islice(statuses, MOST_ON_A_PAGE + 1))
    try:
        if len(few) <= MOST_ON_A_PAGE:
            replace_file(output, render_page(few, context).encode())
            companies: Sequence[CompanyStatus | Summary] = few
        else:
            companies = write_pages(output, chain(few, statuses), context)
    except OSError as error:
        raise PluginError(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"{output}: {summarize_statuses(companies)}")


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
        if not status.is_refused:  # its name may be no file's
            page = folder / f"{company_id}.html"
            replace_file(page, render_company(status, context, f"../{output.name}").encode())
            links[company_id] = f"{folder.name}/{page.name}"
        summaries.append(summarize(status))
    replace_file(output, render_overview(summaries, context, links).encode())
    for old in folder.glob("*.html"):
        if old.stem not in links:
            old.unlink()
    return summaries
