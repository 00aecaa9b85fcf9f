"""Lists and feeds that a user declares are read like the tap's own streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import Reply, page_of
from support.tap.strict import find_faults
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.specs.spec import StreamSpec
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from support.tap.harness import Company, Sync
    from support.tap.scripted import ScriptedApi

SALES = "/sales/v2/tenant/{tenant}"
JOBS = StreamSpec(name="jobs", list_path="/jpm/v2/tenant/{tenant}/jobs")


def test_a_feed_and_a_list_without_a_documented_form(api: ScriptedApi, sync: Sync) -> None:
    record = {"id": 7, "modifiedOn": "2026-01-05T01:02:03", "name": "x", "total": 1.5}
    api.routes |= {
        "/export/opportunities": lambda _: {"hasMore": False, "continueFrom": "t", "data": [record]},
        "/opportunities/followups": lambda query: page_of([{"id": 8, "opportunityId": 7}], query),
    }
    extra: list[dict[str, Any]] = [
        {"name": "opportunities", "path": f"{SALES}/export/opportunities", "fields": {"total": "number"}},
        {"name": "opportunity_followups", "path": f"{SALES}/opportunities/followups"},
    ]
    run = sync(api.config | {"extra_streams": extra}, "opportunities", "opportunity_followups", specs=[])
    assert run.error is None
    assert run.records("opportunities") == [
        {"id": 7, "modifiedOn": "2026-01-05T01:02:03Z", "total": "1.5", "_extra": {"name": "x"}}
    ]
    assert run.records("opportunity_followups") == [{"id": 8, "_extra": {"opportunityId": 7}}]
    assert len(run.of("ACTIVATE_VERSION")) == 2
    assert run.state["bookmarks"]["opportunities"]["continue_from"] == "t"
    assert not [fault for fault in find_faults(run.messages) if "'1.5'" not in fault]


def test_an_object_of_each_record_of_another_stream(api: ScriptedApi, sync: Sync) -> None:
    api.routes |= {
        "/jobs": lambda query: page_of([{"id": 1}, {"id": 2}], query),
        "/jobs/1/booked-log": lambda _: {"id": 10, "start": "2026-01-05T00:00:00Z"},
        "/jobs/2/booked-log": lambda _: Reply(204),
        "/business-hours": lambda _: {"weekdays": [{"fromHour": 8, "toHour": 17}]},
    }
    extra = [
        {
            "name": "job_booked_logs",
            "path": "/jpm/v2/tenant/{tenant}/jobs/{id}/booked-log",
            "response": "object",
            "parent": {"stream": "jobs", "field": "jobId"},
        },
        {
            "name": "business_hours",
            "path": "/dispatch/v2/tenant/{tenant}/business-hours",
            "response": "object",
            "key": [],
        },
    ]
    run = sync(api.config | {"extra_streams": extra}, specs=[JOBS])
    assert run.error is None
    (booked,) = run.records("job_booked_logs")
    assert booked == {"jobId": 1, "id": 10, "_extra": {"start": "2026-01-05T00:00:00Z"}}
    (hours,) = run.records("business_hours")
    assert hours == {"position": 0, "_extra": {"weekdays": [{"fromHour": 8, "toHour": 17}]}}


def test_a_list_of_the_local_servicetitan(company: Company, sync: Sync) -> None:
    extra = [{"name": "my_campaigns", "path": "/marketing/v2/tenant/{tenant}/campaigns", "query": {"active": "Any"}}]
    run = sync(company.config | {"extra_streams": extra}, "campaigns")
    assert run.error is None
    assert {row["id"] for row in run.records("my_campaigns")} == {row["id"] for row in run.records("campaigns")}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"name": "x", "path": "/sales/opportunities"}, "path"),
        ({"name": "x", "path": f"{SALES}/a", "fields": {"a": "varchar"}}, "must be one of"),
        ({"name": "x", "path": f"{SALES}/a", "nonsense": 1}, "is not valid"),
    ],
)
def test_a_wrong_entry_is_refused(api: ScriptedApi, entry: dict[str, Any], problem: str) -> None:
    with pytest.raises(PluginError, match=problem) as caught:
        _ = TapServiceTitan(config=api.config | {"extra_streams": [entry]}).streams
    assert "\n" not in str(caught.value)
