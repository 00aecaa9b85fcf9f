"""The views of a group show the rows of all companies, and follow their tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from google.cloud import bigquery as google_bigquery

from servicetitan_fleet.cli.main import orchestrate_etl
from servicetitan_sandbox.client.bigquery_project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from servicetitan_sandbox.client.processes import BigQuery

SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}
OWN = "'INSERT' AS _etl_operation, TIMESTAMP '2026-01-01' AS _etl_synced"


class Group:
    """A registry of companies with projects of their own, and a project for the group."""

    def __init__(self, bigquery: BigQuery, folder: Path, count: int) -> None:
        self._endpoint = bigquery.api_endpoint
        self._registry = folder / "companies.yml"
        self.project = Project(self._endpoint)
        self.companies = [Project(self._endpoint) for _ in range(count)]
        self.entries: list[dict[str, Any]] = [
            {"company_id": f"company-{n}", "tenant_id": str(n), "project_id": company.name, "secrets": SECRETS}
            for n, company in enumerate(self.companies, 1)
        ]
        for company in self.companies:
            company.client.create_dataset("bronze")

    def make(self, company: int, table: str, columns: str) -> None:
        """Make a table of one row in the project of a company."""
        name = f"{self.companies[company].bronze}.{table}"
        self.companies[company].query(f"CREATE OR REPLACE TABLE `{name}` AS SELECT {columns}, {OWN}")

    def run(self, *args: str) -> Result:
        """Run the command."""
        self._registry.write_text(json.dumps({"companies": self.entries}))  # JSON is YAML
        command = ["group-views", "--companies", str(self._registry), "--project", self.project.name, *args]
        return CliRunner().invoke(orchestrate_etl, command, env={"BIGQUERY_EMULATOR_HOST": self._endpoint})

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query, in which `jobs` and the like are the group's views."""
        config = google_bigquery.QueryJobConfig(default_dataset=f"{self.project.name}.servicetitan")
        return [dict(row) for row in self.project.client.query_and_wait(query, job_config=config)]

    def view(self, name: str) -> google_bigquery.Table:
        """Return a view of the group."""
        return self.project.client.get_table(f"{self.project.name}.servicetitan.{name}")


FIRST = "1 AS id, 'a' AS name, NUMERIC '2.5' AS price, [STRUCT('x' AS code, NUMERIC '1.5' AS cost)] AS items"
SECOND = "1 AS id, 7 AS price, [STRUCT(2 AS cost), STRUCT(1 AS cost)] AS items, DATE '2026-01-02' AS day"


@pytest.fixture
def two(bigquery: BigQuery, tmp_path: Path) -> Group:
    group = Group(bigquery, tmp_path, 2)
    group.make(0, "jobs", FIRST)
    group.make(1, "jobs", SECOND)
    group.make(1, "calls", "5 AS id")
    return group


def test_the_views_get_into_no_dataset_of_a_company(two: Group) -> None:
    two.entries[1]["target"] = {"dataset": "silver"}
    two.companies[1].client.create_dataset("silver")
    for dataset in ("silver", "staging"):
        result = two.run("--project", two.companies[1].name, "--dataset", dataset)
        assert result.exit_code == 1
        refusal = (
            f"{two.companies[1].name}.{dataset} is a dataset of company-2. Give the views one of their own: --dataset"
        )
        assert str(result.exception) == refusal
    assert list(two.companies[1].client.list_tables("silver")) == []


def test_a_table_that_goes_while_the_tables_are_read_takes_no_other_with_it(
    two: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_table = google_bigquery.Client.get_table

    def get_late(client: google_bigquery.Client, table: Any, **options: Any) -> google_bigquery.Table:  # noqa: ANN401
        if getattr(table, "table_id", "") == "calls":
            client.delete_table(table, not_found_ok=True)
        return get_table(client, table, **options)

    monkeypatch.setattr(google_bigquery.Client, "get_table", get_late)
    result = two.run()
    assert result.exit_code == 0, result.output
    assert "2 companies, 1 table" in result.output
    assert [row["company_id"] for row in two.rows("SELECT company_id FROM jobs ORDER BY 1")] == [
        "company-1",
        "company-2",
    ]


def test_a_view_has_the_rows_and_columns_of_all_companies(two: Group) -> None:
    result = two.run()
    assert result.exit_code == 0, result.output
    assert "2 companies, 2 tables" in result.output
    assert f"{two.project.name}.servicetitan: 2 created" in result.output
    assert "jobs.price: NUMERIC in company-1; INT64 in company-2: shown as NUMERIC" in result.output
    elements = "UNNEST(items) AS item WITH OFFSET AS place"
    costs = f"SELECT STRING_AGG(CAST(item.cost AS STRING), ' ' ORDER BY place) FROM {elements}"
    query = f"SELECT company_id, id, name, price, day, items[0].code AS code, ({costs}) AS costs FROM jobs"
    first, second = two.rows(f"{query} ORDER BY company_id")
    assert [str(value) for value in first.values()] == [
        *("company-1", "1", "a", "2.5", "None", "x", "1.5"),
    ]
    assert [str(value) for value in second.values()] == [
        *("company-2", "1", "None", "7", "2026-01-02", "None", "2 1"),
    ]
    assert two.rows("SELECT company_id FROM calls") == [{"company_id": "company-2"}]
    assert two.view("jobs").schema[0].description.startswith("Company that the row belongs to.")


def test_an_unchanged_view_is_left_alone_and_a_changed_one_follows(two: Group) -> None:
    two.run()
    before = two.view("calls").modified
    two.make(0, "jobs", f"{FIRST}, TRUE AS urgent")
    result = two.run()
    assert "servicetitan: 1 changed, 1 unchanged" in result.output
    assert two.view("calls").modified == before
    assert two.rows("SELECT urgent FROM jobs WHERE company_id = 'company-1'") == [{"urgent": True}]

    two.companies[1].client.delete_table(f"{two.companies[1].bronze}.calls")
    assert "1 removed, 1 unchanged" in two.run().output
    assert two.project.tables("servicetitan") == ["jobs"]


def test_the_views_may_read_what_their_readers_may_not(two: Group) -> None:
    assert "company-1: the views may read" in two.run().output
    entries = two.companies[0].client.get_dataset("bronze").to_api_repr()["access"]
    dataset = {"projectId": two.project.name, "datasetId": "servicetitan"}
    assert [entry for entry in entries if "dataset" in entry] == [
        {"dataset": {"dataset": dataset, "targetTypes": ["VIEWS"]}}
    ]
    assert "may read" not in two.run().output


def test_what_others_made_is_left_alone(two: Group) -> None:
    two.project.client.create_dataset("servicetitan")
    two.project.query(f"CREATE VIEW `{two.project.name}.servicetitan.jobs` AS SELECT 1 AS own")
    two.project.query(f"CREATE VIEW `{two.project.name}.servicetitan.mine` AS SELECT 1 AS own")
    result = two.run()
    assert result.exit_code == 1
    assert "has something of that name that this command did not make" in result.output
    assert "1 created, 1 failed" in result.output
    assert two.rows("SELECT own FROM jobs") == two.rows("SELECT own FROM mine") == [{"own": 1}]


def test_no_view_changes_while_a_company_cannot_be_read(two: Group) -> None:
    two.run()
    two.make(0, "jobs", f"{FIRST}, TRUE AS urgent")
    dataset = two.companies[1].client.get_dataset("bronze")
    dataset.labels = {"tenant_id": "99"}
    two.companies[1].client.update_dataset(dataset, ["labels"])
    result = two.run()
    assert result.exit_code == 1
    assert "belongs to tenant 99, and the registry says 2" in str(result.exception)
    assert "urgent" not in [field.name for field in two.view("jobs").schema]


def test_a_company_without_tables_is_named_and_a_dry_run_writes_nothing(two: Group) -> None:
    two.entries.append({"company_id": "new", "tenant_id": "3", "project_id": "new-company", "secrets": SECRETS})
    result = two.run("--dry-run")
    assert result.exit_code == 0
    assert "new: left out, it has no dataset yet" in result.output
    assert two.project.tables("servicetitan") == []


def test_thirty_companies(bigquery: BigQuery, tmp_path: Path) -> None:
    group = Group(bigquery, tmp_path, 30)
    for number in range(30):
        total = "1" if number % 2 else "NUMERIC '1'"
        group.make(number, "jobs", f"{number} AS id, {total} AS total")
    result = group.run()
    assert result.exit_code == 0, result.output
    assert group.rows("SELECT COUNT(DISTINCT company_id) AS n, SUM(id) AS ids, SUM(total) AS total FROM jobs") == [
        {"n": 30, "ids": sum(range(30)), "total": 30}
    ]
