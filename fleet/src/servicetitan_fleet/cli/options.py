"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

DEFAULT_TIMEOUT_MINUTES = 120
DEFAULT_MAX_AGE_HOURS = 8

companies_option = click.option(
    "--companies",
    "registry",
    envvar="ETL_COMPANIES",
    default="companies.yml",
    show_default=True,
    help="Registry of companies: a YAML file, or bq://project.dataset.table.",
)
trust_option = click.option(
    "--trust-registry",
    "trusted",
    envvar="ETL_TRUST_REGISTRY",
    is_flag=True,
    help="Let the registry say where credentials and data go, and turn the guard against mass deletion off.",
)
storage_option = click.option(
    "--storage",
    envvar="ETL_STORAGE",
    default=lambda: Path(".etl").absolute().as_uri(),
    show_default="the folder .etl",
    help="Storage of states and records: file:///folder or gs://bucket/folder.",
)
project_option = click.option(
    "--project",
    "project_folder",
    envvar="ETL_MELTANO_PROJECT",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help="Meltano project: the folder with meltano.yml.",
)
only_option = click.option(
    "--company", "only", multiple=True, help="Only this company, even if it is disabled. Can be repeated."
)
one_company_option = click.option("--company", "company_id", required=True, help="The company, even if it is disabled.")
environment_option = click.option(
    "--environment",
    envvar="ETL_ENVIRONMENT",
    default="dev",
    show_default=True,
    help="Meltano environment: dev, qua or pro.",
)
max_age_option = click.option(
    "--max-age-hours",
    envvar="ETL_MAX_AGE_HOURS",
    type=click.FloatRange(0, min_open=True),
    default=DEFAULT_MAX_AGE_HOURS,
    show_default=True,
    help="Older data counts as stale.",
)
readers_option = click.option(
    # BigQuery takes a hundred requests a second of a user, and answers one of these in one to two seconds.
    "--parallel",
    type=click.IntRange(1),
    default=144,
    show_default=True,
    help="Number of companies to query at a time.",
)
timeout_option = click.option(
    "--timeout-minutes",
    envvar="ETL_TIMEOUT_MINUTES",
    type=click.FloatRange(0, min_open=True),
    default=DEFAULT_TIMEOUT_MINUTES,
    show_default=True,
    help="Time limit of a company. Its tap stops reading before that; a run that takes longer is terminated.",
)
work_folder_option = click.option(
    "--work-folder",
    envvar="ETL_WORK_FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    default=".meltano/companies",
    show_default=True,
    help="Folder for the companies' Meltano system folders.",
)
log_format_option = click.option(
    "--log-format",
    envvar="ETL_LOG_FORMAT",
    type=click.Choice(["auto", "json", "plain", "live"]),
    default="auto",
    show_default=True,
    help="auto: JSON on Cloud Run, a live table in a terminal, otherwise plain lines.",
)
with_meltano_run_option = click.option(
    "--with-meltano-run",
    envvar="ETL_WITH_MELTANO_RUN",
    is_flag=True,
    help="Let `meltano run` run each company, instead of the fleet itself. It does the same, and takes longer.",
)
allow_mass_delete_option = click.option(
    "--allow-mass-delete",
    metavar="STREAM",
    multiple=True,
    help="Let this run mark as many rows of this stream deleted as the source lacks. For one company; repeat it for "
    "more streams. `run --dry-run` shows how many that would be.",
)
