"""The generated part of the dbt package: its files are up to date, and its queries are valid for the tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import dbt_package
from dbt_rendering import render
from dictionary import columns_of
from servicetitan_sandbox.bigquery.googlesql.analyzer import result_columns
from servicetitan_sandbox.bigquery.googlesql.result_schema import schema
from target_bigquery_softdelete.schema.naming import column_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from tap_servicetitan.specs.spec import StreamSpec

API_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


def test_the_files_are_those_that_are_committed() -> None:
    assert dbt_package.update(dbt_package.files(), check=True) == []


def test_every_staging_model_has_the_columns_and_types_that_it_promises() -> None:
    for name in dbt_package.PACKAGED:
        spec = dbt_package.SPECS[name]
        sql = render(f"{dbt_package.PREFIX}{name}", "p.bronze", "p.reports").sql
        found = schema(result_columns(sql, {(f"p.bronze.{name}",): table(spec)}))
        types = [(field["name"], type_of(field)) for field in found]
        assert types == [
            *((column.name, column.type) for column in dbt_package.staged_columns(spec)),
            ("_etl_synced", "TIMESTAMP"),
        ]


def test_a_column_that_a_table_lacks_is_null_of_its_type() -> None:
    """Whatever the tap drops but keys and times of changes, and what the models themselves need."""
    for name in dbt_package.PACKAGED:
        spec = dbt_package.SPECS[name]
        kept = {*map(column_name, spec.key), *(audit[0] for audit in dbt_package.AUDIT_COLUMNS)}
        present = [column for column in table(spec) if column[0] in kept]
        names: dict[str, Sequence[str]] = {column[0]: () for column in present}
        sql = render(f"{dbt_package.PREFIX}{name}", "p.bronze", "p.reports", {name: names}).sql
        found = schema(result_columns(sql, {(f"p.bronze.{name}",): present}))
        assert [(field["name"], type_of(field)) for field in found[:-1]] == [
            (column.name, column.type) for column in dbt_package.staged_columns(spec)
        ]


def test_a_field_that_a_struct_lacks_is_null_in_it() -> None:
    names = {"id": (), "customer": ("name",), "_etl_operation": (), "_etl_synced": ()}
    sql = render("stg_servicetitan__invoices", "p.bronze", "p.reports", {"invoices": names}).sql
    row = "struct(`customer`.`name` as `name`, cast(null as int64) as `id`)"
    assert f"(select * replace (if(`customer` is null, null, {row}) as `customer`), cast(null as" in sql
    assert "cast(null as struct<`street` string," in sql


def test_a_table_with_all_columns_is_read_as_it_is() -> None:
    names: dict[str, Sequence[str]] = {name: () for name, _ in table(dbt_package.SPECS["zones"])}
    sql = render("stg_servicetitan__zones", "p.bronze", "p.reports", {"zones": names}).sql
    assert "from `p.bronze.zones`\n" in sql


def type_of(field: dict[str, str]) -> str:
    """Return the type of a column of a result as the dictionary writes it."""
    name = API_NAMES.get(field["type"], field["type"])
    return f"ARRAY of {name}" if field["mode"] == "REPEATED" else name


def table(spec: StreamSpec) -> list[tuple[str, str]]:
    """Return the columns of a stream's table, as BigQuery has them."""
    columns = [(name, column.sql_type) for source, name, column in columns_of(spec) if len(source) == 1]
    return [*columns, *((name, kind) for name, kind, _ in dbt_package.AUDIT_COLUMNS)]


def test_every_stream_could_have_a_staging_model() -> None:
    for spec in dbt_package.SPECS.values():
        assert [column.name for column in dbt_package.staged_columns(spec)]


def test_a_staging_model_names_and_types_columns_by_their_meaning() -> None:
    lines = {
        name: re.findall(r"^    (.*?),?$", dbt_package.staging_model(dbt_package.SPECS[name]), re.MULTILINE)
        for name in ("jobs", "invoices", "payments", "memberships", "appointments")
    }
    assert "id as job_id" in lines["jobs"]
    assert "created_on" in lines["jobs"]
    assert "date({{ moment('invoice_date') }}) as invoice_date" in lines["invoices"]
    assert "sub_total_decimal as sub_total" in lines["invoices"]
    assert "sub_total" not in lines["invoices"]
    assert "customer.id as customer_id" in lines["invoices"]
    assert "date({{ moment('date') }}) as payment_date" in lines["payments"]
    assert "safe_cast(type_id as int64) as type_id" in lines["payments"]
    assert "date({{ moment('`from`') }}) as from_date" in lines["memberships"]
    assert "{{ moment('`end`') }} as end_time" in lines["appointments"]


def test_tests_follow_from_references_and_documented_values() -> None:
    models = dbt_package.files()["_models.yml"]
    assert (
        "      - name: campaign_id\n        data_type: int64\n"
        '        description: "Marketing campaign that is credited with the business."\n        data_tests:\n'
        "          - relationships: {arguments: {to: \"ref('stg_servicetitan__campaigns')\", field: campaign_id},"
        " config: {severity: warn}}\n"
    ) in models
    assert 'accepted_values: {arguments: {values: ["Inbound", "Outbound"]}, config: {severity: warn}}' in models
    sources = dbt_package.files()["_sources.yml"]
    assert "- unique_together: {arguments: {columns: [job_id, id]}}" in sources
    assert sources.count("- unique\n") == len(dbt_package.PACKAGED) - 1


def test_the_parts_of_another_stream_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert dbt_package.main(["--stream", "ap_bills"]) == 0
    text = capsys.readouterr().out
    assert "      - name: ap_bills\n" in text
    assert "    id as ap_bill_id,\n" in text


def test_a_stream_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert dbt_package.main(["--stream", "nonsense"]) == 1
    assert capsys.readouterr().err == ("dbt package: nonsense: no such stream; docs/reference/streams.md lists them\n")


def test_a_file_that_is_out_of_date_is_named_and_one_of_no_stream_is_removed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dbt_package, "STAGING", tmp_path)
    assert dbt_package.main([]) == 0
    assert dbt_package.main(["--check"]) == 0
    old = dbt_package.STAGING / "stg_servicetitan__gone.sql"
    old.write_text("")
    (dbt_package.STAGING / "stg_servicetitan__jobs.sql").unlink()
    assert dbt_package.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"dbt package: dbt/models/staging/{name} is out of date: run `make docs`"
        for name in ("stg_servicetitan__gone.sql", "stg_servicetitan__jobs.sql")
    ]
    assert dbt_package.main([]) == 0
    assert not old.exists()
