"""Lists read by changes: nothing is missed, whatever the order of the list and whichever clock is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.harness import FEW
from support.tap.scripted import Reply, page_of
from tap_servicetitan.specs.spec import StreamSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.tap.harness import Company, Run, Sync
    from support.tap.scripted import Query, ScriptedApi

STREAM = "campaigns"
SPECS = (
    StreamSpec(
        name=STREAM,
        list_path="/marketing/v2/tenant/{tenant}/campaigns",
        changed_since="modifiedOnOrAfter",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
)


ORDERED = [replace(spec, change_order_query={"sort": "+ModifiedOn"}) for spec in SPECS]


def ids(run: Run) -> set[int]:
    return {record["id"] for record in run.records(STREAM)}


def at_source(company: Company) -> dict[int, dict[str, Any]]:
    return {record["id"]: record for record in company.server.control.records(company.id, STREAM)}


def backdate(state: dict[str, Any], days: float) -> dict[str, Any]:
    """Return a state whose last full pass was some days ago."""
    began = datetime.now(UTC) - timedelta(days=days)
    return {"bookmarks": {STREAM: state["bookmarks"][STREAM] | {"full_pass_at": began.isoformat()}}}


def test_the_first_run_reads_everything_and_the_next_what_changed(company: Company, sync: Sync) -> None:
    first = sync(company.config, specs=SPECS)
    records = at_source(company)
    assert ids(first) == set(records)
    assert [message["type"] for message in first.messages[-2:]] == ["ACTIVATE_VERSION", "STATE"]
    bookmark = first.state["bookmarks"][STREAM]
    assert bookmark["newest"] == max(record["modifiedOn"] for record in records.values())

    company.settings["lookback_seconds"] = 60
    changed = company.server.control.update(company.id, STREAM, min(records))
    run = sync(company.config, specs=SPECS, state=first.state)
    since = datetime.fromisoformat(bookmark["newest"]) - timedelta(seconds=60)
    assert company.requests(STREAM)[-1]["query"]["modifiedOnOrAfter"] == since.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert changed["id"] in ids(run)
    assert len(ids(run)) < FEW[STREAM]
    assert run.of("ACTIVATE_VERSION") == []
    assert run.state["bookmarks"][STREAM]["newest"][:19] == changed["modifiedOn"][:19]
    assert run.state["bookmarks"][STREAM]["full_pass_at"] == bookmark["full_pass_at"]


def test_a_full_pass_is_made_when_it_is_time_and_an_interrupted_one_does_not_count(
    company: Company, sync: Sync
) -> None:
    state = sync(company.config, specs=SPECS).state
    company.server.control.delete(company.id, STREAM, min(at_source(company)))
    company.settings["max_retries"] = 0
    company.set_fault("status", stream=STREAM, page=2, times=1)
    broken = sync(company.config, specs=SPECS, state=backdate(state, 7.1))
    assert broken.error
    assert broken.records(STREAM)
    assert broken.of("ACTIVATE_VERSION") == []

    run = sync(company.config, specs=SPECS, state=broken.state)
    assert ids(run) == set(at_source(company))
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_a_start_date_leaves_out_the_past_and_deletes_nothing(company: Company, sync: Sync) -> None:
    times = sorted(record["modifiedOn"] for record in at_source(company).values())
    company.settings["start_date"] = times[6]
    run = sync(company.config, specs=SPECS)
    assert 0 < len(run.records(STREAM)) < FEW[STREAM]
    assert run.of("ACTIVATE_VERSION") == []
    assert "full_pass_at" not in run.state["bookmarks"][STREAM]


def test_changes_in_order_move_the_bookmark_with_every_page(company: Company, sync: Sync) -> None:
    state = sync(company.config, specs=ORDERED).state
    company.settings |= {"max_retries": 0, "lookback_seconds": 10**9}
    old = {"bookmarks": {STREAM: state["bookmarks"][STREAM] | {"newest": "2000-01-01T00:00:00Z"}}}
    company.set_fault("status", stream=STREAM, after=2, times=1)
    broken = sync(company.config, specs=ORDERED, state=old)
    assert broken.error
    assert broken.state["bookmarks"][STREAM]["newest"] == max(record["modifiedOn"] for record in broken.records(STREAM))

    company.settings["lookback_seconds"] = 0
    rest = sync(company.config, specs=ORDERED, state=broken.state)
    assert ids(broken) | ids(rest) == set(at_source(company))
    assert len(rest.records(STREAM)) < FEW[STREAM]
    assert rest.of("ACTIVATE_VERSION") == []


def changes_page(records: list[dict[str, Any]], query: Query) -> dict[str, Any]:
    """Return a page of a list that filters by time of change and sorts by it."""
    wanted = [record for record in records if record["modifiedOn"] >= query.get("modifiedOnOrAfter", "")]
    return page_of(sorted(wanted, key=lambda record: str(record["modifiedOn"])), query)


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"


DONE = {"bookmarks": {STREAM: {"newest": at(0), "full_pass_at": "2999-01-01T00:00:00+00:00"}}}


@pytest.mark.parametrize("broken", [False, True])
def test_changes_that_break_off_or_keep_moving_do_not_move_the_bookmark(
    api: ScriptedApi, sync: Sync, *, broken: bool
) -> None:
    records = [{"id": number, "modifiedOn": at(number)} for number in range(1, 9)]

    def moving(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        if broken and query["page"] == "2":
            return Reply(400)
        return page_of(records, query) | {"totalCount": len(api.requests)}

    api.routes["/campaigns"] = moving
    spec = replace(SPECS[0], list_path="/a/v2/tenant/{tenant}/campaigns")
    run = sync(api.config | {"page_size": 4}, specs=[spec], state=DONE)
    assert bool(run.error) is broken
    assert run.records(STREAM)
    assert run.state == DONE


@pytest.mark.parametrize("specs", [SPECS, ORDERED], ids=["unordered", "ordered"])
def test_a_time_to_come_and_a_record_without_a_time_do_not_lead_the_bookmark(
    api: ScriptedApi, sync: Sync, specs: Sequence[StreamSpec]
) -> None:
    times = [at(5), None, "2099-01-01T00:00:00Z"]
    records = [{"id": number, "modifiedOn": time} for number, time in enumerate(times)]
    api.routes["/campaigns"] = lambda query: page_of(records, query)
    spec = replace(specs[0], list_path="/a/v2/tenant/{tenant}/campaigns")
    run = sync(api.config, specs=[spec], state=DONE)
    assert run.error is None
    assert at(5) < run.state["bookmarks"][STREAM]["newest"] <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_no_row_is_missed_when_others_change_under_the_reader(api: ScriptedApi, sync: Sync) -> None:
    # Nine records in one second, more than a page, and each request changes the first record.
    records = [{"id": number, "modifiedOn": at(10 if 5 <= number < 14 else number)} for number in range(1, 30)]
    later = iter(range(100, 200))

    def moving(query: Query) -> dict[str, Any]:
        answer = changes_page(records, query)
        if len(api.requests) <= 12:
            records.append(records.pop(0) | {"modifiedOn": at(next(later))})
        return answer

    api.routes["/campaigns"] = moving
    spec = replace(ORDERED[0], list_path="/a/v2/tenant/{tenant}/campaigns", query={})
    run = sync(api.config | {"page_size": 4, "lookback_seconds": 0}, specs=[spec], state=DONE)
    assert run.error is None
    assert ids(run) == set(range(1, 30))
    assert {query["sort"] for query in api.asked("/campaigns")} == {"+ModifiedOn"}
    assert run.state["bookmarks"][STREAM]["newest"] == max(str(record["modifiedOn"]) for record in records)


@pytest.mark.parametrize("repeats", [False, True])
def test_an_order_that_the_api_does_not_keep(
    api: ScriptedApi, sync: Sync, caplog: pytest.LogCaptureFixture, *, repeats: bool
) -> None:
    records = [{"id": number, "modifiedOn": at(10 if repeats else 50 - number)} for number in range(1, 20)]
    api.routes["/campaigns"] = lambda query: page_of(records, {**query, "page": "1"} if repeats else query)
    spec = replace(ORDERED[0], list_path="/a/v2/tenant/{tenant}/campaigns")
    run = sync(api.config | {"page_size": 4}, specs=[spec], state=DONE)
    if repeats:
        assert "failed: the list of changes says that there is more, but brings nothing new" in caplog.text
        return
    assert run.error is None
    assert ids(run) == set(range(1, 20))
    assert "campaigns: the API does not sort changes as requested" in caplog.text
    assert run.state["bookmarks"][STREAM]["newest"] == at(49)
