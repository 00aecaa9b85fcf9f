"""What several commands take."""

from __future__ import annotations

from pathlib import Path

import click

companies_option = click.option(
    "--companies",
    "registry",
    envvar="ETL_COMPANIES",
    default="companies.yml",
    show_default=True,
    help="The registry: a YAML file, or bq://project.dataset.table.",
)
storage_option = click.option(
    "--storage",
    envvar="ETL_STORAGE",
    default=lambda: Path(".etl").absolute().as_uri(),
    show_default="the folder .etl",
    help="Where states and records are kept: file:///folder or gs://bucket/folder.",
)
project_option = click.option(
    "--project",
    "project_folder",
    envvar="ETL_MELTANO_PROJECT",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help="Folder with meltano.yml.",
)
only_option = click.option("--company", "only", multiple=True, help="Only this company; may be repeated.")
environment_option = click.option(
    "--environment", envvar="ETL_ENVIRONMENT", default="dev", show_default=True, help="dev, qua or pro."
)
readers_option = click.option(
    "--parallel", type=click.IntRange(1), default=8, show_default=True, help="Companies that are asked at a time."
)
