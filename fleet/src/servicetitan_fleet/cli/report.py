"""The command `report`: writes an HTML page about the fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from servicetitan_fleet.cli.pages import ReportQuery, report_options
from servicetitan_fleet.health.freshness import summarize_statuses
from servicetitan_fleet.plugin_runtime.clock import utc_now


@click.command()
@report_options
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="report.html",
    show_default=True,
    help="File to write. An existing file is replaced.",
)
def report(output: Path, **options: Any) -> None:  # noqa: ANN401 - the parameters of ReportQuery.from_options
    """Write an HTML page about the fleet.

    It shows how fresh the data is, the last runs, and what to do about failures. With more than 50 companies, each
    gets a page of its own in the folder beside it: `report.companies`.
    """
    companies = ReportQuery.from_options(**options).write(output, utc_now())
    click.echo(f"{output}: {summarize_statuses(companies)}")
