"""The command `report`: writes an HTML page about the fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from servicetitan_fleet.report.page import PageContext, render_page


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

    It shows how fresh the data is, the last runs, and what to do about failures.
    """
    now = utc_now()
    query = StatusQuery(**options)
    statuses = query.run(now, runs=LAST_RUNS)
    suggested = ["--environment", environment, "--companies", query.registry, "--storage", query.storage]
    context = PageContext(now=now, max_age_hours=query.max_age_hours, options=suggested)
    _write(output, render_page(statuses, context))
    click.echo(f"{output}: {summarize_statuses(statuses)}")


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise PluginError(f"cannot write {path}: {error.strerror}") from error
