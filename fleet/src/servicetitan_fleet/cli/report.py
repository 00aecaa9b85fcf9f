"""The command that writes a page about the fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from servicetitan_fleet.cli.options import (
    companies_option,
    environment_option,
    only_option,
    readers_option,
    storage_option,
)
from servicetitan_fleet.cli.status import Question, max_age_option
from servicetitan_fleet.files import replace_file
from servicetitan_fleet.health.freshness import summary
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.report.company_charts import LAST_RUNS
from servicetitan_fleet.report.page import Setting, render


@click.command()
@companies_option
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
    help="The page. One that is there is replaced.",
)
def report(output: Path, environment: str, **options: Any) -> None:  # noqa: ANN401 - one a field of Question
    """Write one HTML page about the fleet: how fresh everything is, the last runs, and what to do about failures."""
    moment = utc_now()
    question = Question(**options)
    statuses = question.answer(moment, runs=LAST_RUNS)
    places = ["--environment", environment, "--companies", question.registry, "--storage", question.storage]
    setting = Setting(now=moment, max_age_hours=question.max_age_hours, places=places)
    _write(output, render(statuses, setting))
    click.echo(f"{output}: {summary(statuses)}")


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise PluginError(f"cannot write {path}: {error.strerror}") from error
