"""The tap and the target in a shell pipe, as two processes, from the local ServiceTitan into the local BigQuery."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.control import ReportChange
from support.pipeline.pipe import Kill, Pipe
from support.tap.harness import add_company
from support.tap.reporting import Reports, today

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan
    from servicetitan_sandbox.models import FaultKind

SIZES = {
    "activities": 60,
    "business_units": 3,
    "campaigns": 22,
    "employees": 4,
    "job_types": 3,
    "technicians": 4,
    "timesheets": 30,
}
FEW = ("activities", "campaigns", "technicians")
"""The streams of most tests: a feed, a snapshot of several pages, and another stream."""


@pytest.fixture
def pipe(servicetitan: ServiceTitan, bigquery: BigQuery, tmp_path: Path) -> Pipe:
    """A pipe for a new company."""
    return Pipe(add_company(servicetitan, sizes=SIZES), Project(bigquery.api_endpoint), tmp_path, FEW)


def test_every_stream_is_loaded_in_full_and_a_second_run_writes_nothing(pipe: Pipe) -> None:
    pipe.streams = tuple(SIZES)
    first = pipe()
    assert (first.tap, first.target) == (0, 0), first.log
    for stream in SIZES:
        assert set(pipe.project.rows(stream)) == pipe.truth(stream)
    before = {stream: pipe.project.rows(stream) for stream in SIZES}

    second = pipe()

    assert (second.tap, second.target) == (0, 0), second.log
    assert {stream: pipe.project.rows(stream) for stream in SIZES} == before
    assert pipe.project.log("activities")[-1]["rows_read"] < SIZES["activities"]


def test_changes_at_the_source_are_loaded_and_no_other_row_changes(pipe: Pipe) -> None:
    pipe()
    control, tenant = pipe.company.server.control, pipe.company.id
    changed, removed, kept = sorted(pipe.truth("campaigns"))[:3]
    activity = min(pipe.truth("activities"))
    before = pipe.project.rows("campaigns")

    control.update(tenant, "campaigns", changed, {"name": "Winter"})
    control.delete(tenant, "campaigns", removed)
    added = control.insert(tenant, "campaigns")["id"]
    control.update(tenant, "activities", activity, {"memo": "seen"})
    result = pipe()

    assert (result.tap, result.target) == (0, 0), result.log
    after = pipe.project.rows("campaigns")
    assert {key: after[key]["_etl_operation"] for key in (changed, removed, kept, added)} == {
        changed: "UPDATE",
        removed: "DELETE",
        kept: "INSERT",
        added: "INSERT",
    }
    assert after[changed]["name"] == "Winter"
    same = set(before) - {changed, removed}
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert [row["_etl_operation"] for row in pipe.project.rows("activities").values()].count("UPDATE") == 1

    control.restore(tenant, "campaigns", removed)
    pipe()
    assert pipe.project.rows("campaigns")[removed]["_etl_operation"] == "UPDATE"


def test_a_source_that_fails_on_page_3_of_5_marks_nothing_deleted(pipe: Pipe) -> None:
    pipe()
    control, tenant = pipe.company.server.control, pipe.company.id
    late = max(pipe.truth("campaigns"))
    control.delete(tenant, "campaigns", late)
    bookmark = (pipe.state or {})["bookmarks"].get("campaigns")
    pipe.company.set_fault("status", stream="campaigns", page=3)

    failed = pipe()

    assert failed.tap == 1
    assert "campaigns" in " ".join(failed.errors)
    assert "Traceback" not in failed.log
    assert "DELETE" not in pipe.project.operations("campaigns").values()
    assert failed.states[-1]["bookmarks"].get("campaigns") == bookmark
    assert pipe.project.log("technicians")[-1]["status"] == "success"  # the other streams continued

    control.clear_faults()
    assert pipe().tap == 0
    assert pipe.project.operations("campaigns")[late] == "DELETE"


BATCHES = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": "data:"}}


@pytest.mark.long
def test_batches_load_the_same_rows_as_record_messages(pipe: Pipe) -> None:
    pipe()
    batched = Pipe(pipe.company, Project(pipe.project.api_endpoint), pipe.folder, FEW)
    pipe.company.settings["batch_config"] = BATCHES

    first = batched()

    assert (first.tap, first.target) == (0, 0), first.log
    for stream in pipe.streams:
        assert batched.landed(stream) == pipe.landed(stream)
    gone = min(pipe.truth("campaigns"))
    pipe.company.server.control.delete(pipe.company.id, "campaigns", gone)
    again = batched()
    assert (again.tap, again.target) == (0, 0), again.log
    assert list(batched.project.operations("campaigns").values()).count("DELETE") == 1
    assert batched.project.operations("campaigns")[gone] == "DELETE"


@pytest.mark.parametrize(
    ("marker", "batches"),
    [
        pytest.param(b'"type":"SCHEMA"', {}, id="start", marks=pytest.mark.long),
        pytest.param(b'"type":"RECORD","stream":"activities"', {}, id="feed"),
        pytest.param(b'"type":"BATCH","stream":"activities"', BATCHES, id="batch", marks=pytest.mark.long),
    ],
)
def test_a_killed_tap_loses_nothing_and_the_next_run_completes_the_data(
    pipe: Pipe, marker: bytes, batches: dict[str, Any]
) -> None:
    pipe.company.settings["batch_config"] = batches
    undisturbed = Pipe(pipe.company, Project(pipe.project.api_endpoint), pipe.folder, FEW)
    undisturbed()

    killed = pipe(kill=Kill(frozenset({"tap"}), after_text=marker))
    assert killed.tap != 0
    assert killed.target == 0, killed.log
    operations = [pipe.project.operations(stream) for stream in pipe.project.tables("bronze")]
    assert not any("DELETE" in rows.values() for rows in operations)

    assert pipe().tap == 0
    for stream in pipe.streams:
        assert pipe.landed(stream) == undisturbed.landed(stream)


def test_a_snapshot_that_would_delete_80_percent_is_refused(pipe: Pipe) -> None:
    pipe()
    tenant = pipe.company.id
    for key in sorted(pipe.truth("campaigns"))[4:]:
        pipe.company.server.control.delete(tenant, "campaigns", key)

    refused = pipe(max_delete_rows=10)

    assert (refused.tap, refused.target) == (0, 1)
    assert len(refused.errors) == 1
    for part in ("campaigns", "18", "22", "allow_mass_delete"):
        assert part in refused.errors[0]
    assert "DELETE" not in pipe.project.operations("campaigns").values()
    assert pipe(max_delete_rows=10, allow_mass_delete=True).target == 0
    assert list(pipe.project.operations("campaigns").values()).count("DELETE") == 18


def test_the_project_of_another_company_does_not_change(pipe: Pipe, servicetitan: ServiceTitan, tmp_path: Path) -> None:
    pipe()
    before = {stream: pipe.project.rows(stream) for stream in FEW}
    intruder = Pipe(add_company(servicetitan, sizes=SIZES, seed=99), pipe.project, tmp_path, FEW)

    refused = intruder()

    assert refused.target == 1
    assert pipe.company.id in refused.errors[-1] + refused.errors[0]
    assert {stream: pipe.project.rows(stream) for stream in FEW} == before


@pytest.mark.parametrize("fault", ["unauthorized", "truncated", "html", "forbidden"])
@pytest.mark.parametrize("level", [pytest.param("INFO", marks=pytest.mark.long), "DEBUG"])  # which says more
def test_no_secret_is_in_any_output(pipe: Pipe, fault: FaultKind, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGLEVEL", level)
    pipe.company.settings["max_retries"] = 0
    pipe.company.set_fault(fault, stream="campaigns")

    ended = pipe()

    tenant = pipe.company.tenant
    output = ended.log + json.dumps(ended.states) + json.dumps(pipe.project.log("campaigns"), default=str)
    for secret in (tenant.client_secret, tenant.app_key):
        assert secret not in output


def test_amounts_that_come_as_text_can_be_added_up(pipe: Pipe) -> None:
    pipe.streams = ("invoices",)
    control, tenant, entity = pipe.company.server.control, pipe.company.id, "accounting_invoices"
    first, second, *_ = control.ids(tenant, entity)
    control.update(tenant, entity, first, {"total": "1234567890123456789.05", "items": [{"id": 1, "price": "0.10"}]})
    control.update(tenant, entity, second, {"total": "n/a"})

    assert pipe().target == 0

    rows = pipe.project.rows("invoices")
    assert (rows[first]["total"], rows[first]["total_decimal"]) == (
        "1234567890123456789.05",
        Decimal("1234567890123456789.05"),
    )
    assert rows[first]["items"][0]["price_decimal"] == Decimal("0.10")
    assert (rows[second]["total"], rows[second]["total_decimal"]) == ("n/a", None)


def test_a_record_without_a_key_is_rejected_alone(pipe: Pipe) -> None:
    pipe.streams = ("payment_terms",)
    _, *others = pipe.company.server.control.ids(pipe.company.id, "accounting_payment_terms")
    pipe.company.set_fault("null_field", stream="accounting_payment_terms", field="id", page=1)

    failed = pipe()

    assert (failed.tap, failed.target) == (0, 1)
    assert "payment_terms" in failed.errors[0]
    assert "`id`" in failed.errors[0]

    assert pipe(on_invalid_record="quarantine").target == 0
    assert set(pipe.project.rows("payment_terms")) == set(others)
    rejected = pipe.project.query(f"SELECT stream FROM `{pipe.project.name}.management.etl_rejected_records`")
    assert [row["stream"] for row in rejected] == ["payment_terms"]


def test_a_number_as_text_is_loaded_and_an_invalid_number_is_rejected_by_name(pipe: Pipe) -> None:
    pipe.streams = ("technicians",)
    control, tenant = pipe.company.server.control, pipe.company.id
    fits, misfit, *_ = sorted(pipe.truth("technicians"))
    control.update(tenant, "technicians", fits, {"mainZoneId": "5", "burdenRate": "1.10", "payrollId": 7})
    control.update(tenant, "technicians", misfit, {"mainZoneId": "five"})

    failed = pipe()

    assert (failed.tap, failed.target) == (0, 1)
    assert failed.states == []
    (error,) = failed.errors
    for part in ("technicians", f"id={misfit}", "mainZoneId", "integer"):
        assert part in error
    assert "five" not in failed.log

    quarantined = pipe(on_invalid_record="quarantine")

    assert (quarantined.tap, quarantined.target) == (0, 0), quarantined.log
    rows = pipe.project.rows("technicians")
    assert set(rows) == pipe.truth("technicians") - {misfit}
    assert (rows[fits]["main_zone_id"], rows[fits]["burden_rate"]) == (5, Decimal("1.10"))
    assert rows[fits]["payroll_id"] == "7"
    (rejected,) = pipe.project.query(f"SELECT * FROM `{pipe.project.name}.management.etl_rejected_records`")
    assert (rejected["stream"], json.loads(rejected["record_key"])) == ("technicians", {"id": misfit})
    assert json.loads(rejected["record"])["mainZoneId"] == "five"


def test_unknown_and_private_fields_follow_the_settings(pipe: Pipe) -> None:
    pipe.streams = ("technicians",)
    control, tenant = pipe.company.server.control, pipe.company.id
    changed, other, *_ = sorted(pipe.truth("technicians"))
    control.update(tenant, "technicians", changed, {"newField": {"a": [1, None]}, "email": "one@example.com"})
    control.update(tenant, "technicians", other, {"email": None})
    pipe.company.settings |= {
        "unknown_fields": "extra",
        "pii": [{"fields": ["email"], "action": "hash"}, {"fields": ["*phone*", "home"], "action": "drop"}],
        "pii_salt": "salt-of-this-company",
    }

    ended = pipe()

    assert (ended.tap, ended.target) == (0, 0), ended.log
    rows = pipe.project.rows("technicians")
    assert rows[changed]["_extra"] == {"newField": {"a": [1, None]}}
    assert rows[other]["_extra"] is None
    assert len(rows[changed]["email"]) == 64
    assert rows[other]["email"] is None
    assert not {"home", "phone_number", "mobile_phone"} & rows[changed].keys()


@pytest.mark.long
def test_a_report_is_loaded_with_types_and_its_changes_follow(
    servicetitan: ServiceTitan, bigquery: BigQuery, tmp_path: Path
) -> None:
    reports = Reports(servicetitan)
    reports.company.settings["reports"] = [reports.days(9, lookback_days=9)]
    pipe = Pipe(reports.company, Project(bigquery.api_endpoint), tmp_path, ["daily"])
    first = pipe()
    assert (first.tap, first.target) == (0, 0), first.log
    reports.client.control.change_report(reports.company.id, reports.daily["id"], ReportChange(seed=5))
    second = pipe()
    assert (second.tap, second.target) == (0, 0), second.log

    rows = pipe.project.query(f"SELECT * FROM `{pipe.project.name}.bronze.daily`")
    live = sorted(
        (row for row in rows if row["_etl_operation"] != "DELETE"),
        key=lambda row: (row["_report_date"], row["_position"]),
    )
    truth = reports.rows(reports.daily, From=str(today() - timedelta(days=9)), To=str(today()))
    assert 0 < len(live) < len(rows)
    for landed, row in zip(live, truth, strict=True):
        assert landed["revenue"] == row["Revenue"]
        assert landed["revenue"] is None or isinstance(landed["revenue"], Decimal)
        assert landed["start_time"] == (row["StartTime"] and time.fromisoformat(row["StartTime"]))
        assert landed["date"] == datetime.fromisoformat(row["Date"])
        assert (landed["name"], landed["active"]) == (row["Name"], row["Active"])


@pytest.mark.long
def test_a_stream_that_does_not_fit_into_a_run_arrives_in_several_and_keeps_no_other_from_arriving(
    servicetitan: ServiceTitan, bigquery: BigQuery, tmp_path: Path
) -> None:
    count, most_runs = 400, 12
    sizes = {"crm_customers": count, "crm_customers_notes": count, "campaigns": 12}
    company = add_company(servicetitan, sizes=sizes, feed_page_size=5000, area_seconds={"crm": 0.2})
    company.settings |= {"page_size": 5000, "max_read_seconds": 3}
    pipe = Pipe(company, Project(bigquery.api_endpoint), tmp_path, ["customer_notes", "customers", "campaigns"])
    changed = max(servicetitan.control.ids(company.id, "crm_customers"))
    for number in range(1, most_runs + 1):
        servicetitan.control.update(company.id, "crm_customers", changed, {"name": f"run {number}"})
        ended = pipe()
        assert ended.target == 0, ended.log
        status = {stream: pipe.project.log(stream)[-1]["status"] for stream in pipe.streams}
        assert (status["customers"], status["campaigns"]) == ("success", "success")
        assert pipe.project.rows("customers")[changed]["name"] == f"run {number}"
        if status["customer_notes"] == "success":
            break
        assert (ended.tap, status["customer_notes"]) == (1, "incomplete")
    assert 1 < number < most_runs
    (found,) = pipe.project.query(f"SELECT COUNT(*) AS notes FROM `{pipe.project.name}.bronze.customer_notes`")
    assert found["notes"] == count
    assert {row["rows_deleted"] for row in pipe.project.log("customer_notes")} == {0}
