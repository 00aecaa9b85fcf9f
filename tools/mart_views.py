"""Makes a mart of the dbt package without dbt, as views: for the demonstration and the tutorial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbt_rendering import render

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project


def make_mart(project: Project, mart: str, dataset: str) -> None:
    """Make the views of a mart and of the staging models that it reads.

    Args:
        project: The project, with the tables of the streams that the mart needs.
        mart: The mart's name.
        dataset: The dataset of the views, which is made, too.
    """
    tables, models = project.bronze, f"{project.name}.{project.dataset(dataset)}"
    project.client.create_dataset(models)
    for model in (*dict.fromkeys(render(mart, tables, models).models), mart):
        project.query(f"CREATE VIEW `{models}.{model}` AS {render(model, tables, models).sql}")
