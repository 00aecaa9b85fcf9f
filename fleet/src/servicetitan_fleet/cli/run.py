"""The command `run`: runs the companies of one task."""

from __future__ import annotations

from typing import Any

import click

from servicetitan_fleet.cli.options import (
    allow_mass_delete_option,
    companies_option,
    environment_option,
    log_format_option,
    max_age_option,
    only_option,
    project_option,
    storage_option,
    timeout_option,
    trust_option,
    with_meltano_run_option,
    work_folder_option,
)
from servicetitan_fleet.cli.run_companies import RunOptions, run_companies


@click.command()
@companies_option
@trust_option
@storage_option
@project_option
@only_option
@environment_option
@max_age_option
@click.option(
    "--parallel",
    envvar="ETL_PARALLEL",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Number of companies to run at a time.",
)
@timeout_option
@work_folder_option
@log_format_option
@click.option("--full-refresh", is_flag=True, help="Ignore the stored state and read everything again.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Change nothing: read everything, and show what a first run would do to each table.",
)
@with_meltano_run_option
@click.option(
    "--adopt",
    metavar="STREAM",
    multiple=True,
    help="Take over the table of this stream although the target did not write its rows. For one --company; repeat it "
    "for more streams.",
)
@allow_mass_delete_option
def run(**options: Any) -> None:  # noqa: ANN401 - the fields of RunOptions
    """Run the companies of one task, each in its own process.

    On Cloud Run, environment variables give the task's index and the number of tasks. At the end the channels of
    `notify` are told which companies need a person, and which no longer do.

    Exit code 0: all companies are up to date. 1: some are not, or a stream that was read before was not read to its
    end; the last lines list them.
    """
    settings = RunOptions(**options)
    _check_single_company(settings)
    run_companies(settings)


def _check_single_company(settings: RunOptions) -> None:
    """Refuse options that name tables, unless they are those of one company."""
    given = {"--adopt": settings.adopt, "--allow-mass-delete": settings.allow_mass_delete}
    for option, streams in given.items():
        if streams and len(settings.only) != 1:
            raise click.UsageError(f"{option} is for the tables of one company: name it with --company.")
