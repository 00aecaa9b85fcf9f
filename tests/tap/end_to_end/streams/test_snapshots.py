"""Lists of the local ServiceTitan: all records, exact, and declared complete only if they are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.harness import FEW, add_company, as_text, comparable
from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.replication.complete_list import MAX_PASSES
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import ReplicationKind

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Company, Run, Sync

CAMPAIGNS = next(spec for spec in STREAMS if spec.name == "campaigns")
SNAPSHOTS = [spec.name for spec in STREAMS if spec.name in FEW and spec.kind is ReplicationKind.SNAPSHOT]


def by_id(records: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {record["id"]: record for record in records}


def at_source(company: Company, stream: str) -> dict[int, dict[str, Any]]:
    """The records of the source, with zones and with numbers that have a fraction as text, as runs return them."""
    return by_id([comparable(as_text(record)) for record in company.server.control.records(company.id, stream)])


def without_examples(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a schema without the examples, which the SDK's catalog drops."""
    if isinstance(schema, dict):
        return {name: without_examples(inner) for name, inner in schema.items() if name != "examples"}
    return schema


def assert_complete(run: Run, stream: str) -> None:
    """The stream's messages stand in the right order and share one version."""
    kinds = [message["type"] for message in run.messages if message.get("stream") == stream]
    records = len(run.of("RECORD", stream))
    assert kinds == ["SCHEMA", *["RECORD"] * records, "ACTIVATE_VERSION"]
    (activation,) = run.of("ACTIVATE_VERSION", stream)
    assert {message["version"] for message in run.of("RECORD", stream)} <= {activation["version"]}


def test_every_list_comes_whole_and_exact(company: Company, sync: Sync) -> None:
    run = sync(company.config, *SNAPSHOTS)
    assert run.error is None
    for stream in SNAPSHOTS:
        assert len(run.of("RECORD", stream)) == FEW[stream]
        assert by_id(run.records(stream)) == at_source(company, stream)
        assert_complete(run, stream)
        bookmark = run.state["bookmarks"][stream]
        assert bookmark == {"snapshot_at": bookmark["snapshot_at"], **company.owner}


def test_the_schema_message_carries_the_committed_schema(company: Company, sync: Sync) -> None:
    run = sync(company.config, "campaigns")
    (message,) = run.of("SCHEMA", "campaigns")
    annotations = {"x-tenant-id": company.id, "x-own-bookmark": True, "x-tells-end": True}
    assert message["schema"] == {**without_examples(schema_of(CAMPAIGNS)), **annotations}
    assert message["key_properties"] == ["id"]


def test_inactive_records_come_too(company: Company, sync: Sync) -> None:
    first = next(iter(at_source(company, "campaigns")))
    company.server.control.deactivate(company.id, "campaigns", first)
    assert by_id(sync(company.config, "campaigns").records("campaigns"))[first]["active"] is False


def test_digits_survive(company: Company, sync: Sync) -> None:
    first = next(iter(at_source(company, "technicians")))
    company.server.control.update(
        company.id, "technicians", first, {"burdenRate": Decimal("12345678901234567.1230"), "jobId": 2**53 + 1}
    )
    record = by_id(sync(company.config, "technicians").records("technicians"))[first]
    assert record["burdenRate"] == "12345678901234567.1230"
    assert record["jobId"] == 2**53 + 1


def test_unknown_fields_are_kept_and_named_once(company: Company, sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    for identifier in at_source(company, "campaigns"):
        company.server.control.update(company.id, "campaigns", identifier, {"newField": {"a": 1}})
    run = sync(company.config, "campaigns")
    assert all(record["newField"] == {"a": 1} for record in run.records("campaigns"))
    assert [message for message in caplog.messages if "newField" in message] == [
        "campaigns: the API sends a field that is not in the schema: newField"
    ]


def test_an_empty_list_is_complete(servicetitan: Any, sync: Sync) -> None:  # noqa: ANN401
    company = add_company(servicetitan, sizes=FEW | {"campaigns": 0})
    run = sync(company.config, "campaigns")
    assert_complete(run, "campaigns")
    assert run.records("campaigns") == []


def test_state_that_came_in_goes_out_first(company: Company, sync: Sync) -> None:
    state = {"bookmarks": {"campaigns": {"snapshot_at": "2026-01-01T00:00:00.000+00:00", **company.owner}}}
    run = sync(company.config, "campaigns", state=state)
    assert run.messages[0] == {"type": "STATE", "value": state}


def test_no_state_before_the_first_run(company: Company, sync: Sync) -> None:
    assert sync(company.config, "campaigns").messages[0]["type"] == "SCHEMA"


def test_a_list_that_fails_on_its_third_page_is_not_complete(servicetitan: Any, sync: Sync) -> None:  # noqa: ANN401
    company = add_company(servicetitan, sizes=FEW | {"campaigns": 25})
    company.settings["max_retries"] = 1
    company.set_fault("status", stream="campaigns", page=3)
    state = {"bookmarks": {"campaigns": {"snapshot_at": "2026-01-01T00:00:00.000+00:00", **company.owner}}}
    run = sync(company.config, "campaigns", "job_types", state=state)

    assert str(run.error) == "1 of 2 streams failed: campaigns"
    assert len(run.of("RECORD", "campaigns")) == 10
    assert run.of("ACTIVATE_VERSION", "campaigns") == []
    assert run.state["bookmarks"]["campaigns"] == state["bookmarks"]["campaigns"]
    assert_complete(run, "job_types")


def test_a_list_that_moves_once_is_read_again(company: Company, sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    # After its second page one of its rows goes, and another out of sight.
    company.set_fault("shift", stream="technicians", page=2, times=1)
    run = sync(company.config, "technicians")
    assert run.error is None
    assert_complete(run, "technicians")
    assert set(by_id(run.records("technicians"))) >= set(at_source(company, "technicians"))
    assert "pass 1 may have missed records" in caplog.text


def test_a_list_that_keeps_moving_is_not_complete(
    servicetitan: ServiceTitan, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    company = add_company(servicetitan, sizes=FEW | {"employees": 30})
    company.set_fault("shift", stream="employees", page=1)
    run = sync(company.config, "employees", "job_types")
    assert str(run.error) == "1 of 2 streams is incomplete: employees"
    assert run.of("ACTIVATE_VERSION", "employees") == []
    assert "employees" not in run.state["bookmarks"]
    assert f"pass {MAX_PASSES} may have missed records" in caplog.text
    assert (
        "employees: incomplete: the list kept changing: its number of records changed between two pages" in caplog.text
    )
    assert_complete(run, "job_types")


def test_a_list_that_never_brings_what_it_has_fails(
    company: Company, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    company.set_fault("repeat_page", stream="employees", page=2)
    company.settings["page_size"] = 2
    run = sync(company.config, "employees", "job_types")
    assert str(run.error) == "1 of 2 streams failed: employees"
    assert run.of("ACTIVATE_VERSION", "employees") == []
    assert (
        "employees: failed: it has 4 records, and 3 came, on each of 5 passes, also with smaller pages" in caplog.text
    )
    assert_complete(run, "job_types")


@pytest.mark.parametrize("kind", ["forbidden", "not_found"])
def test_a_module_that_the_tenant_lacks_is_skipped(
    company: Company,
    sync: Sync,
    caplog: pytest.LogCaptureFixture,
    kind: Any,  # noqa: ANN401
) -> None:
    company.set_fault(kind, stream="campaigns")
    run = sync(company.config, "campaigns", "job_types")
    assert run.error is None
    assert run.of("ACTIVATE_VERSION", "campaigns") == []
    assert "campaigns" not in run.state["bookmarks"]
    assert "campaigns: skipped: GET /marketing/v2/tenant/{tenant}/campaigns: 40" in caplog.text
    assert_complete(run, "job_types")


def test_a_missing_module_fails_when_asked_to(company: Company, sync: Sync) -> None:
    company.set_fault("forbidden", stream="campaigns")
    company.settings["on_missing_module"] = "fail"
    assert str(sync(company.config, "campaigns", "job_types").error) == "1 of 2 streams failed: campaigns"


def test_a_refusal_in_the_middle_is_no_missing_module(company: Company, sync: Sync) -> None:
    company.set_fault("not_found", stream="campaigns", page=2)
    run = sync(company.config, "campaigns", "job_types")
    assert str(run.error) == "1 of 2 streams failed: campaigns"
    assert run.of("ACTIVATE_VERSION", "campaigns") == []


def test_a_run_that_may_read_nothing_has_failed(company: Company, sync: Sync) -> None:
    company.set_fault("forbidden")
    assert "lets the app read none of the 7 streams" in str(sync(company.config, *FEW).error)
