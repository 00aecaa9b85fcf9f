"""The models of the dbt package without dbt: the marts have the figures that were worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.dbt import company
from support.dbt.rendering import MARTS, STAGING, render

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

DATASET = "reports"


def rendered(project: Project, model: str) -> str:
    """Return the query of a model in the company's project."""
    return render(model, project.bronze, f"{project.name}.{DATASET}", timezone=company.TIMEZONE).sql


def staged_for_marts() -> set[str]:
    """Return the staging models that the marts read."""
    return {name for mart in MARTS for name in render(mart, "p.bronze", "p.reports").models}


def test_every_mart_has_the_figures_that_were_worked_out_by_hand(target: TargetRunner, project: Project) -> None:
    streams = [name for model in sorted(staged_for_marts()) for name in render(model, "p.b", "p.r").sources]
    assert target(*company.first_run(streams)).code == 0
    assert target(*company.second_run()).code == 0
    project.client.create_dataset(DATASET)
    for model in staged_for_marts():
        project.query(f"CREATE VIEW `{project.name}.{DATASET}.{model}` AS {rendered(project, model)}")

    found = {mart: company.to_compare(mart, project.query(rendered(project, mart))) for mart in MARTS}

    assert found == company.ANSWERS


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
