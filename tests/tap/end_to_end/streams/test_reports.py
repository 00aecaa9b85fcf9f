"""Reports in whole runs: day by day or in full, typed as described, and no faster than the API allows."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.control import ReportChange, ReportField
from support.tap.harness import as_text
from support.tap.reporting import Reports, today
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Run, Sync


@pytest.fixture
def reports(servicetitan: ServiceTitan) -> Reports:
    """A new tenant."""
    return Reports(servicetitan)


def live(*runs: Run) -> set[tuple[str, int]]:
    """Return the keys that are left after some runs, given that `_sdc_deleted_at` deletes a record."""
    keys: dict[tuple[str, int], bool] = {}
    for run in runs:
        for record in run.records("daily"):
            keys[record["_report_date"], record["_position"]] = record.get("_sdc_deleted_at") is None
    return {key for key, there in keys.items() if there}


def test_a_report_is_read_day_by_day_and_goes_on_from_there(reports: Reports, sync: Sync) -> None:
    config = reports.config(reports.days(9, lookback_days=1, most_days=8))
    first = sync(config, "daily")
    second = sync(config, "daily", state=first.state)
    third = sync(config, "daily", state=second.state)

    assert first.ends["daily"]["reason"].startswith("2 days are still to be read")
    assert [run.error for run in (second, third)] == [None] * 2
    days = [str(today() - timedelta(days=ago)) for ago in (*range(9, 1, -1), 2, 1, 0, 1, 0)]
    assert reports.run_days() == days
    assert first.state["bookmarks"]["daily"]["last_day"] == str(today() - timedelta(days=2))
    assert second.state["bookmarks"]["daily"]["last_day"] == str(today() - timedelta(days=1))
    reached = [message["value"]["bookmarks"]["daily"].get("last_day") for message in first.of("STATE")]
    assert set(reached) - {None} == set(days[:8])
    assert first.of("ACTIVATE_VERSION") == []
    (schema,) = {json.dumps(message) for message in first.of("SCHEMA", "daily")}
    assert json.loads(schema)["key_properties"] == ["_report_date", "_position"]
    properties = json.loads(schema)["schema"]["properties"]
    assert properties["Revenue"] == {"type": ["number", "null"], "format": "decimal"}
    assert properties["Date"]["format"] == "date-time"
    for record in first.records("daily"):
        assert record["Date"].startswith(record["_report_date"])


def test_values_are_as_they_came_and_pages_make_one_run(reports: Reports, sync: Sync) -> None:
    run = sync(reports.config(reports.whole | {"page_size": 10}), "whole")
    pages = [request["query"]["page"] for request in reports.runs()]
    rows = [{"_position": number, **row} for number, row in enumerate(reports.rows(reports.whole))]
    # `Run` has numbers with a fraction as text, so that digits are compared.
    rows = [{name: str(value) if isinstance(value, Decimal) else value for name, value in row.items()} for row in rows]
    assert [list(record.items()) for record in run.records("whole")] == [list(row.items()) for row in rows]
    # Only a second run with the same rows proves that no row was missed between two pages.
    assert pages == ["1", "2", "3"] * 2
    assert run.types[-2:] == ["ACTIVATE_VERSION", "STATE"]


def test_rows_that_are_gone_when_a_day_is_read_again_are_deleted(reports: Reports, sync: Sync) -> None:
    config = reports.config(reports.days(6, lookback_days=6))
    runs = [sync(config, "daily")]
    for seed in (2, 3):
        reports.client.control.change_report(reports.company.id, reports.daily["id"], ReportChange(seed=seed))
        runs.append(sync(config, "daily", state=runs[-1].state))
        fresh = sync(config, "daily")
        assert live(*runs) == live(fresh)
    assert any(record.get("_sdc_deleted_at") for run in runs for record in run.records("daily"))


def test_a_key_of_the_report_s_own(reports: Reports, sync: Sync) -> None:
    run = sync(reports.config(reports.days(9) | {"key": ["_report_date", "Revenue"]}), "daily")
    (schema,) = run.of("SCHEMA", "daily")
    assert schema["key_properties"] == ["_report_date", "Revenue"]
    assert schema["schema"]["properties"].keys() & {"_position", "_sdc_deleted_at"} == set()
    assert schema["schema"]["properties"]["Revenue"]["type"] == "number"


@pytest.mark.parametrize("pages_are_runs", [False, True])
def test_the_limit_on_runs_is_kept_without_failing(
    servicetitan: ServiceTitan, sync: Sync, *, pages_are_runs: bool
) -> None:
    reports = Reports(servicetitan, report_seconds=0.5, report_pages_are_runs=pages_are_runs)
    twice = reports.whole | {"page_size": 13}, reports.whole | {"name": "again", "parameters": {"Active": True}}
    started = time.monotonic()
    run = sync(reports.config(*twice, report_interval_seconds=1), "whole", "again")
    assert run.error is None
    assert time.monotonic() - started >= 1 + pages_are_runs
    assert {record["Active"] for record in run.records("again")} == {True}
    assert not reports.refused()


def test_a_report_that_changes_is_read_all_the_same(reports: Reports, caplog: pytest.LogCaptureFixture) -> None:
    config = reports.config(reports.whole)
    catalog = TapServiceTitan(config=config).catalog_dict
    whole = {"streams": [entry for entry in catalog["streams"] if entry["tap_stream_id"] == "whole"]}
    fields = (
        ReportField(name="Revenue", label="R", dataType="Number"),
        ReportField(name="New", label="N", dataType="String"),
    )
    reports.client.control.change_report(reports.company.id, reports.whole["id"], ReportChange(fields=fields))
    reports.client.control.clear_requests()

    tap = TapServiceTitan(config=config, catalog=catalog)
    for stream in tap.streams.values():
        stream.selected = stream.name == "whole"
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] == "technicians"]
    assert "whole" not in TapServiceTitan(config=config, catalog=catalog).streams
    # A catalog says what the API would be asked.
    assert [request for request in reports.client.control.requests() if request["tenant"] == reports.company.id] == []
    tap.sync_all()

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "whole: the API sends a field that is not in the schema: New" in warnings
    assert "whole: the report no longer has the field Name: discover it again" in warnings
    assert not any("Revenue" in warning for warning in warnings)
    keyed = reports.config(reports.whole | {"key": ["Name"]})
    tap = TapServiceTitan(config=keyed, catalog=whole)
    with pytest.raises(PluginError):
        tap.sync_all()
    assert "whole: failed: the report no longer has the key field Name: set another `key`" in caplog.text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"id": 1}, "GET /reporting/v2/tenant/{tenant}/report-category/"),
        ({"key": ["Number", "Date"]}, "it has no field Number"),
        ({"parameters": {"Colour": 1, "Active": True}}, "it has no parameter Colour"),
        ({"date_range": None}, "it needs a value for the parameter From, To"),
    ],
)
def test_a_report_that_cannot_be_discovered_fails_alone(
    reports: Reports, caplog: pytest.LogCaptureFixture, change: dict[str, Any], text: str
) -> None:
    config = reports.config(reports.days(3) | change)
    found = TapServiceTitan(config=config).catalog_dict["streams"]
    (error,) = (record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert error.startswith("daily: the report could not be discovered: ")
    assert text in error

    caplog.clear()
    catalog = {"streams": [entry for entry in found if entry["tap_stream_id"] in {"daily", "technicians"}]}
    with pytest.raises(PluginError, match=r"^1 of 2 streams failed: daily$"):
        TapServiceTitan(config=config, catalog=catalog).sync_all()
    assert any(text in record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert reports.runs() == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"date_range": {"start": "2026-02-30"}}, "`start` of daily is not a date that exists: 2026-02-30"),
        ({"name": "technicians"}, "there is another stream with the name technicians"),
        ({"page_size": 25001}, "setting `reports.0.page_size` must be at most 25000"),
    ],
)
def test_a_setting_that_is_wrong_is_named_at_the_start(reports: Reports, change: dict[str, Any], text: str) -> None:
    with pytest.raises(PluginError) as caught:
        TapServiceTitan(config=reports.config(reports.days(3) | change))
    assert text in str(caught.value)


def test_personal_data_and_the_connection_test(reports: Reports, sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    config = reports.config(reports.whole, pii=[{"fields": ["name"], "action": "drop"}])
    run = sync(config, "whole")
    assert all("Name" not in record and "Revenue" in record for record in run.records("whole"))
    assert not any("no longer has" in message for message in caplog.messages)
    tap = TapServiceTitan(config=config)
    assert tap.run_connection_test()
    assert "reporting-v2: can be read: whole" in caplog.messages


@pytest.mark.long
def test_each_page_keeps_the_pause_that_only_a_title_names(
    servicetitan: ServiceTitan, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    reports = Reports(servicetitan, report_seconds=1, report_pages_are_runs=True, report_hides_pause=True)
    config = reports.config(reports.days(3) | {"page_size": 2})
    assert sync(config, "daily").error is None
    assert reports.refused()
    assert "Try again in 1 seconds" in caplog.text
    assert "retry 1 of 3 in 1.0 s" in caplog.text


def test_cells_that_are_not_of_their_type_land_as_text(servicetitan: ServiceTitan, sync: Sync) -> None:
    truth = Reports(servicetitan)
    rows = truth.rows(truth.whole)
    company = truth.company.tenant.model_copy(update={"report_cells_as_text": True})
    servicetitan.control.add_tenant(company)
    plain = sync(truth.config(truth.whole), "whole")
    read = sync(truth.config(truth.whole | {"formats": {"Revenue": "thousands"}}), "whole")

    assert [plain.error, read.error] == [None, None]
    assert len(plain.records("whole")) == len(rows)
    for row, record, formatted in zip(rows, plain.records("whole"), read.records("whole"), strict=True):
        revenue, active = row["Revenue"], row["Active"]
        shown = "" if revenue is None else f"{revenue:,}"
        fits = revenue is not None and "," not in shown
        assert as_text(record["Revenue"]) == (as_text(revenue) if fits else None)
        assert record.get("Revenue__text") == (None if fits else shown)
        assert formatted["Revenue"] == as_text(revenue)
        assert (record["Active"], record["Active__text"]) == (None, {True: "Yes", False: "No", None: ""}[active])
