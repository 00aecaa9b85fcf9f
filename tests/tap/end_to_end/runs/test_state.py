"""The state of an earlier run: used only if it is the tenant's own, and never past what was read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.harness import FEW, add_company
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Company, Run, Sync

STREAM = "activities"


def ids(run: Run) -> set[int]:
    return {record["id"] for record in run.records(STREAM)}


def at_source(company: Company) -> dict[int, dict[str, Any]]:
    return {record["id"]: record for record in company.server.control.records(company.id, STREAM)}


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"tenant": "1"}, "state: a bookmark is of tenant 1 (production), and this run reads tenant "),
        ({"environment": "integration"}, "(integration), and this run reads tenant "),
        ({"tenant": None}, "state: a bookmark is of tenant None"),
        ({"full_pass_at": "2099-01-01T00:00:00+00:00"}, "state: a bookmark has a time to come"),
        ({"newest": 17}, "state: a bookmark cannot be read"),
    ],
)
def test_a_bookmark_that_is_not_the_stream_s_own(
    company: Company, sync: Sync, caplog: pytest.LogCaptureFixture, change: dict[str, Any], warning: str
) -> None:
    state = sync(company.config, STREAM).state
    state["bookmarks"][STREAM] |= change
    run = sync(company.config, STREAM, state=state)
    assert run.error is None
    assert warning in caplog.text
    assert run.messages[0]["type"] == "SCHEMA"
    assert ids(run) == set(at_source(company))
    assert len(run.of("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize("state", [{"bookmarks": None}, {"bookmarks": []}, {"bookmarks": {STREAM: "x"}}])
def test_a_state_that_no_tap_wrote(company: Company, sync: Sync, state: Any) -> None:  # noqa: ANN401 - any JSON
    run = sync(company.config, STREAM, state=state)
    assert run.error is None
    assert ids(run) == set(at_source(company))


def test_a_start_date_that_is_moved_back_reads_what_lies_before(
    company: Company, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    records = at_source(company)
    times = sorted(record["modifiedOn"] for record in records.values())
    company.settings["start_date"] = times[15]
    late = sync(company.config, STREAM)
    assert len(ids(late)) < FEW[STREAM]

    company.settings["start_date"] = times[5]
    earlier = sync(company.config, STREAM, state=late.state)
    assert "reads again from there" in caplog.text
    assert ids(earlier) >= {number for number, record in records.items() if record["modifiedOn"] >= times[5]}
    assert earlier.of("ACTIVATE_VERSION") == []

    caplog.clear()
    assert len(sync(company.config, STREAM, state=earlier.state).records(STREAM)) <= 1
    assert "reads again" not in caplog.text

    del company.settings["start_date"]
    whole = sync(company.config, STREAM, state=earlier.state)
    assert ids(whole) == set(records)
    assert len(whole.of("ACTIVATE_VERSION")) == 1


def test_a_machine_whose_clock_is_ahead_loses_no_change(servicetitan: ServiceTitan, sync: Sync) -> None:
    """Three days, which is more than the look-back. The full pass reads the list, the change comes by the feed."""
    company = add_company(servicetitan, clock_skew_seconds=-timedelta(days=3).total_seconds())
    company.settings |= {"reconcile_interval_days": 0, "lookback_seconds": 0}
    streams = ("timesheets", "campaigns")
    first = sync(company.config, *streams)
    second = sync(company.config, *streams, state=first.state)
    company.settings["reconcile_interval_days"] = 7
    changed = company.server.control.update(company.id, "timesheets", first.records("timesheets")[0]["id"])
    # Without its token the feed goes on from the newest time that it knows.
    del second.state["bookmarks"]["timesheets"]["continue_from"]
    third = sync(company.config, *streams, state=second.state)
    assert third.error is None
    assert changed["id"] in {record["id"] for record in third.records("timesheets")}


@pytest.mark.parametrize("inclusion", ["automatic", "available"])
def test_no_selection_leaves_out_what_says_that_a_record_is_deleted(company: Company, inclusion: str) -> None:
    name = "service_agreements"
    (entry,) = [
        entry
        for entry in TapServiceTitan(config=company.config).catalog_dict["streams"]
        if entry["tap_stream_id"] == name
    ]
    metadata = {tuple(part["breadcrumb"]): part["metadata"] for part in entry["metadata"]}
    assert metadata["properties", "_sdc_deleted_at"]["inclusion"] == "automatic"
    for breadcrumb, part in metadata.items():
        part["selected"] = breadcrumb in {(), ("properties", "id")}
        part["inclusion"] = inclusion
    stream = TapServiceTitan(config=company.config, catalog={"streams": [entry]}).streams[name]
    assert stream.mask["properties", "_sdc_deleted_at"]
    assert stream.mask["properties", "id"]
    assert not stream.mask["properties", "name"] or inclusion == "automatic"
