"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

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
    default=8,
    show_default=True,
    help="Older data counts as stale.",
)
readers_option = click.option(
    # BigQuery takes a hundred requests a second of a user, and answers one of these in one to two seconds.
    "--parallel",
    type=click.IntRange(1),
    default=128,
    show_default=True,
    help="Number of companies to query at a time.",
)
