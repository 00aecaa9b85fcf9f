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
    from collections.abc import Callable

    from support.tap.harness import Company, Run, Sync
    from support.tap.scripted import Query, ScriptedApi

STREAM = "campaigns"
SPECS = (
    StreamSpec(
        name=STREAM,
        list_path="/marketing/v2/tenant/{tenant}/campaigns",
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any", "sort": "+Id"},
    ),
)


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
    assert first.types[-2:] == ["ACTIVATE_VERSION", "STATE"]
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
    passed = {message["record"]["id"] for message in run.of("RECORD") if "version" in message}
    assert passed == set(at_source(company))
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_a_start_date_leaves_out_the_past_and_deletes_nothing(company: Company, sync: Sync) -> None:
    times = sorted(record["modifiedOn"] for record in at_source(company).values())
    company.settings["start_date"] = times[6]
    run = sync(company.config, specs=SPECS)
    assert 0 < len(run.records(STREAM)) < FEW[STREAM]
    assert run.of("ACTIVATE_VERSION") == []
    assert "full_pass_at" not in run.state["bookmarks"][STREAM]


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"


class ChangingApi:
    """A list that filters by time of change, in an order of its own, with pages by row number."""

    def __init__(self, api: ScriptedApi, *changed: int) -> None:
        self.api = api
        self.records: list[dict[str, Any]] = [
            {"id": number, "modifiedOn": at(second)} for number, second in enumerate(changed, 1)
        ]
        self.before: dict[int, Callable[[], object]] = {}
        """What happens before the request with this number, from 1 on."""
        self.obeys = True
        api.routes["/campaigns"] = self.answer

    def answer(self, query: Query) -> dict[str, Any]:
        """Return the page for a query."""
        self.before.pop(len(self.api.requests), lambda: None)()
        until = query.get("modifiedBefore", "9") if self.obeys else "9"
        return page_of(
            [one for one in self.records if query.get("modifiedOnOrAfter", "") <= one["modifiedOn"] < until], query
        )

    def touch(self, identifier: object) -> None:
        """Change a record now. It moves to the end of the list."""
        (record,) = (one for one in self.records if one["id"] == identifier)
        self.records.remove(record)
        self.records.append({"id": identifier, "modifiedOn": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})

    def sync(self, sync: Sync, **settings: Any) -> Run:  # noqa: ANN401 - any setting
        """Read the changes since the first second. The last full pass has just been made."""
        spec = replace(SPECS[0], list_path="/a/v2/tenant/{tenant}/campaigns")
        return sync(
            self.api.config | {"page_size": 4, "lookback_seconds": 0, **settings}, specs=[spec], state=self.state
        )

    @property
    def state(self) -> dict[str, Any]:
        """A bookmark in the first second, whose full pass is recent."""
        now = datetime.now(UTC).isoformat()
        return {"bookmarks": {STREAM: {"newest": at(0), "full_pass_at": now, **self.api.owner}}}


def newest(run: Run) -> str:
    time: str = run.state["bookmarks"][STREAM]["newest"]
    return time


def test_changes_that_fit_a_page_are_read_once(api: ScriptedApi, sync: Sync) -> None:
    changing = ChangingApi(api, 3, 1, 2)
    run = changing.sync(sync)
    assert ids(run) == {1, 2, 3}
    assert api.asked("/campaigns") == [api.requests[0][1]]
    assert "modifiedBefore" not in api.requests[0][1]
    assert newest(run) == at(3)


def test_changes_of_several_pages_are_read_in_one_window(api: ScriptedApi, sync: Sync) -> None:
    run = ChangingApi(api, *range(9, 0, -1)).sync(sync)
    assert run.error is None
    assert ids(run) == set(range(1, 10))
    assert [query["page"] for query in api.asked("/campaigns")] == ["1", "1", "2", "3"]
    assert newest(run) == at(9)


@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
def test_no_change_is_missed_while_others_are_made(api: ScriptedApi, sync: Sync, order: int) -> None:
    changing = ChangingApi(api, *range(1, 30)[::order])
    for request in range(1, 40):
        # The first record changes, so all others move up, and one of them onto a page that has been read.
        changing.before[request] = lambda: changing.touch(changing.records[0]["id"])
    run = changing.sync(sync)
    assert run.error is None
    # What the first run has not read is not older than its bookmark.
    missed = [one for one in changing.records if one["id"] not in ids(run)]
    assert missed
    assert all(str(one["modifiedOn"])[:19] >= newest(run)[:19] for one in missed)


def test_a_bulk_update_that_stamps_all_rows_in_one_second(api: ScriptedApi, sync: Sync) -> None:
    run = ChangingApi(api, *[7] * 30).sync(sync)
    assert run.error is None
    assert ids(run) == set(range(1, 31))
    assert newest(run) == at(7)


def test_a_row_that_leaves_a_full_second_hides_none(api: ScriptedApi, sync: Sync) -> None:
    changing = ChangingApi(api, *[7] * 30)
    # After the first page of the whole window.
    changing.before[3] = lambda: changing.touch(1)
    run = changing.sync(sync)
    assert run.error is None
    assert ids(run) == set(range(1, 31))


def test_a_long_window_is_halved_and_every_half_moves_the_bookmark(api: ScriptedApi, sync: Sync) -> None:
    changing = ChangingApi(api, *range(1, 60))
    broken_at = {"count": 0}

    def break_off(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        broken_at["count"] += 1
        return Reply(400) if broken_at["count"] > 30 else changing.answer(query)

    api.routes["/campaigns"] = break_off
    broken = changing.sync(sync, page_size=1)
    assert broken.error
    reached = newest(broken)
    assert at(0) < reached < at(59)
    assert {one["id"] for one in changing.records if one["modifiedOn"] < reached} <= ids(broken)


def test_an_end_that_the_api_does_not_obey(api: ScriptedApi, sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    changing = ChangingApi(api, *range(1, 10))
    # Later than the end of the window, which is now.
    changing.records.append({"id": 10, "modifiedOn": "2098-01-01T00:00:00Z"})
    changing.obeys = False
    run = changing.sync(sync)
    assert run.error is None
    assert ids(run) == set(range(1, 11))
    assert "campaigns: the API does not filter by modifiedBefore" in caplog.text
    assert at(9) < newest(run) <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("breaks_off", [False, True])
def test_changes_that_break_off_or_never_fit_do_not_move_the_bookmark(
    api: ScriptedApi, sync: Sync, *, breaks_off: bool
) -> None:
    changing = ChangingApi(api, *[5] * 8)

    def moving(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        if breaks_off and query["page"] == "2":
            return Reply(400)
        return changing.answer(query) | {"totalCount": 100 + len(api.requests)}

    api.routes["/campaigns"] = moving
    run = changing.sync(sync)
    assert str(run.error) == f"1 of 1 stream {'failed' if breaks_off else 'is incomplete'}: campaigns"
    assert run.records(STREAM)
    assert newest(run) <= at(5)


def test_a_time_to_come_and_a_record_without_a_time_do_not_lead_the_bookmark(api: ScriptedApi, sync: Sync) -> None:
    changing = ChangingApi(api, 5)
    changing.records += [{"id": 2, "modifiedOn": "2099-01-01T00:00:00Z"}]
    api.routes["/campaigns"] = lambda query: page_of([*changing.records, {"id": 3, "modifiedOn": None}], query)
    run = changing.sync(sync)
    assert run.error is None
    assert at(5) < newest(run) <= datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_times_with_an_offset_are_compared_as_moments(api: ScriptedApi, sync: Sync) -> None:
    changing = ChangingApi(api, 5)
    times = ["2026-01-02T01:00:00+05:00", "2026-01-01T22:00:00Z"]
    api.routes["/campaigns"] = lambda query: page_of(
        [{"id": number, "modifiedOn": time} for number, time in enumerate(times)], query
    )
    run = changing.sync(sync)
    assert newest(run) == times[1]
    api.requests.clear()
    spec = replace(SPECS[0], list_path="/a/v2/tenant/{tenant}/campaigns")
    state = {"bookmarks": {STREAM: run.state["bookmarks"][STREAM] | {"newest": times[0]}}}
    assert sync(api.config | {"lookback_seconds": 0}, specs=[spec], state=state).error is None
    assert api.asked("/campaigns")[0]["modifiedOnOrAfter"] == "2026-01-01T20:00:00Z"


def test_times_that_mean_nothing_are_read_from_the_beginning(api: ScriptedApi, sync: Sync) -> None:
    changing = ChangingApi(api)
    changing.records = [{"id": 1, "modifiedOn": "0001-01-01T00:00:00Z"}]
    spec = replace(SPECS[0], list_path="/a/v2/tenant/{tenant}/campaigns")
    first = sync(api.config, specs=[spec])
    assert newest(first) == "0001-01-01T00:00:00Z"
    changing.records.append({"id": 2, "modifiedOn": at(1)})
    second = sync(api.config, specs=[spec], state=first.state)
    assert second.error is None
    assert "modifiedOnOrAfter" not in api.asked("/campaigns")[-1]
    assert ids(second) == {1, 2}
