"""The local BigQuery allows in the name of a column what BigQuery does, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project

ALLOWED = [
    "a",
    "_1",
    "1a",
    "Größe",
    "价格",
    "٣",
    "e\u0301",
    "a b",
    "a-b",
    "a&b",
    "50%",
    "x=y",
    "+1",
    "k:v",
    "it's",
    "<b>",
    "#|",
]
REFUSED = [*(f"a{character}" for character in '!"$()*,./;?@[]^{}~\\\n\t'), "a€", "a😀", "a\u00a0b", "x" * 301]


def test_names_of_new_columns(project: Project) -> None:
    project.client.create_dataset(project.bronze, exists_ok=True)
    table = bigquery.Table(f"{project.bronze}.jobs", [bigquery.SchemaField(name, "INT64") for name in ALLOWED])
    project.client.create_table(table)
    table = project.client.get_table(table)
    table.schema = [*table.schema, bigquery.SchemaField("n", "RECORD", fields=[bigquery.SchemaField("日本", "STRING")])]
    assert [field.name for field in project.client.update_table(table, ["schema"]).schema] == [*ALLOWED, "n"]


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_names_that_are_refused(name: str, project: Project) -> None:
    project.client.create_dataset(project.bronze, exists_ok=True)
    for field in (
        bigquery.SchemaField(name, "INT64"),
        bigquery.SchemaField("n", "RECORD", fields=[bigquery.SchemaField(name, "INT64")]),
    ):
        with pytest.raises(exceptions.BadRequest, match="Invalid field name"):
            project.client.create_table(bigquery.Table(f"{project.bronze}.jobs", [field]))
