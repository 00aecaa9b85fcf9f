"""The models of the dbt package without dbt: the marts have the figures that were worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud import bigquery

from dbt_rendering import MARTS, STAGING, render
from support.dbt import company
from support.documents import queries

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

DATASET = "reports"


def rendered(project: Project, model: str) -> str:
    """Return the query of a model in the company's project."""
    return render(model, project.bronze, f"{project.name}.{DATASET}", timezone=company.TIMEZONE).sql


def ask(project: Project, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query as Looker Studio asks it, for June 2024."""
    days = {"DS_START_DATE": "20240601", "DS_END_DATE": "20240630"}
    parameters = [bigquery.ScalarQueryParameter(name, "STRING", day) for name, day in days.items()]
    config = bigquery.QueryJobConfig(
        query_parameters=[each for each in parameters if f"@{each.name}" in sql],
        default_dataset=f"{project.name}.{DATASET}",
    )
    return [dict(row) for row in project.client.query_and_wait(sql, job_config=config)]


def staged_for_marts() -> set[str]:
    """Return the staging models that the marts read."""
    return {name for mart in MARTS for name in render(mart, "p.bronze", "p.reports").models}


def test_every_mart_has_the_figures_that_were_worked_out_by_hand(target: TargetRunner, project: Project) -> None:
    streams = [name for model in sorted(staged_for_marts()) for name in render(model, "p.b", "p.r").sources]
    assert target(*company.first_run(streams)).code == 0
    assert target(*company.second_run()).code == 0
    project.client.create_dataset(DATASET)
    for model in (*staged_for_marts(), *MARTS):
        project.query(f"CREATE VIEW `{project.name}.{DATASET}.{model}` AS {rendered(project, model)}")

    marts = {mart: project.query(f"SELECT * FROM {DATASET}.{mart}") for mart in MARTS}
    assert {mart: company.to_compare(mart, rows) for mart, rows in marts.items()} == company.ANSWERS

    report = {page: ask(project, sql) for page, sql in queries("how-to/looker-studio.md").items()}
    assert [row["revenue"] for row in report["revenue"]] == [500]
    assert [row["booked"] for row in report["jobs"]] == [1]
    assert [row["technician_name"] for row in report["technicians"]] == ["Ben"]
    assert [row["jobs_booked"] for row in report["campaigns"]] == [1]
    assert [row["active_at_end"] for row in report["memberships"]] == [2]
    assert [row["streams_in_trouble"] for row in report["freshness"]] == [2]  # the second run read only a part of them


def test_every_model_is_enabled_unless_a_stream_that_it_reads_is_missing() -> None:
    assert all(render(model, "p.b", "p.r").is_enabled for model in (*STAGING, *MARTS))
    for mart in MARTS:
        needed = {
            stream for model in render(mart, "p.b", "p.r").models for stream in render(model, "p.b", "p.r").sources
        }
        for model in (mart, *render(mart, "p.b", "p.r").models):
            for stream in needed:
                enabled = render(model, "p.b", "p.r", without=[stream]).is_enabled
                needs_it = model in {mart, f"stg_servicetitan__{stream}"}
                assert enabled is not needs_it, (model, stream)
