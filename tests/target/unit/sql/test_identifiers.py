"""Names that may become part of a statement, and names that may not."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.sql.identifiers import TableId, quote_column


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a`b",
        "a` OR TRUE --",
        "a;DROP TABLE x",
        "a/*",
        "a.b",
        "a\n",
        "a\\",
        "a\tb",
        "a\u00a0b",
        "a\u2028b",
        "€",
        "😀",
        *(f"a{character}" for character in '!"$()*,./;?@[]^{}~'),
        "a" * 301,
    ],
)
def test_an_invalid_column_name_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="is not a valid BigQuery column name"):
        quote_column(name)


@pytest.mark.parametrize(
    "name", ["a", "_1", "1a", "a b", "ид", "é", "\uff41", "e\u0301", "٣", "a-b", "&%=+:'<>#|", "价" * 300]
)
def test_a_column_name_may_be_flexible(name: str) -> None:
    assert quote_column(name, of="t") == f"t.`{name}`"


@pytest.mark.parametrize(
    "table", ["", "jobs`", "jobs; DROP TABLE x", "jobs -- x", "jobs.x", "j\u043ebs", "jobs\n", "a" * 1025]
)
def test_an_invalid_table_name_is_refused(table: str) -> None:
    with pytest.raises(PluginError, match="is not a valid BigQuery table name"):
        TableId("co-1", "bronze", table)


@pytest.mark.parametrize(
    ("project", "dataset", "message"),
    [
        ("co-1`", "bronze", "project"),
        ("Co-1", "bronze", "project"),
        ("co-1.other", "bronze", "project"),
        ("", "bronze", "project"),
        ("co-1", "bronze`.`x", "dataset"),
        ("co-1", "", "dataset"),
    ],
)
def test_an_invalid_project_or_dataset_name_is_refused(project: str, dataset: str, message: str) -> None:
    with pytest.raises(PluginError, match=f"is not a valid BigQuery {message} name"):
        TableId(project, dataset, "jobs")


def test_a_project_with_a_domain_is_allowed() -> None:
    assert TableId("example.com:co-1", "bronze", "jobs").quoted == "`example.com:co-1.bronze.jobs`"
