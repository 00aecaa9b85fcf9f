"""A long list or feed is read in parts: another run goes on where the last one has stopped, and nothing is lost."""

from __future__ import annotations

import random
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import Query, page_of
from support.tap.target_table import Table
from tap_servicetitan.replication.change_windows import MAX_WINDOW_PAGES
from tap_servicetitan.specs.spec import StreamSpec
from tap_servicetitan.streams import full_pass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.tap.harness import Run, Sync
    from support.tap.scripted import ScriptedApi

# Rows bear the names of streams that have a schema file; the rest is made up.
STREAM = "campaigns"
LIST = StreamSpec(
    name=STREAM,
    list_path="/a/v2/tenant/{tenant}/campaigns",
    changed_since="modifiedOnOrAfter",
    changed_before="modifiedBefore",
    is_freezable=True,
)
FEED = StreamSpec(name=STREAM, export_path="/a/v2/tenant/{tenant}/export/campaigns")
PAGE_SIZE = 5
COUNT = 500
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
OLD = "2020-01-01T00:00:00+00:00"


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class LongList:
    """A list that can be asked for ranges of both times. Its answers may stop to come."""

    def __init__(self, api: ScriptedApi) -> None:
        created = [FIRST + number * timedelta(hours=7) for number in range(COUNT)]
        self.records: dict[int, dict[str, Any]] = {
            number: {"id": number, "createdOn": at(moment), "modifiedOn": at(moment)}
            for number, moment in enumerate(created)
        }
        self.obeys_since = True
        self.hides: set[int] = set()
        """The records that do not come where the time of creation is asked for."""
        self.asked_for_pass = 0
        self.left: int | None = None
        """How many more requests of a pass are answered."""
        self.released = threading.Event()
        api.now = FIRST + timedelta(days=400)
        api.routes["/campaigns"] = self.answer
        self._api = api

    def answer(self, query: Query) -> dict[str, Any]:
        """Return a page."""
        if "modifiedOnOrAfter" not in query:
            self.asked_for_pass += 1
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    self.released.wait(60)
        assert self._api.now
        self._api.now += timedelta(seconds=1)
        return page_of([record for record in self.records.values() if self._fits(record, query)], query)

    def _fits(self, record: dict[str, Any], query: Query) -> bool:
        if record["id"] in self.hides and "createdBefore" in query:
            return False
        created, modified = str(record["createdOn"]), str(record["modifiedOn"])
        created_since = query.get("createdOnOrAfter", "") if self.obeys_since else ""
        return created_since <= created < query.get("createdBefore", "9") and query.get(
            "modifiedOnOrAfter", ""
        ) <= modified < query.get("modifiedBefore", "9")

    def change(self, number: int) -> None:
        """Change a record, or add it."""
        assert self._api.now
        now = at(self._api.now)
        self.records[number] = {"createdOn": now, **self.records.get(number, {"id": number}), "modifiedOn": now}


@pytest.fixture
def source(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[LongList]:
    monkeypatch.setattr(full_pass, "SAVE_SECONDS", 0)
    served = LongList(api)
    yield served
    served.released.set()


def read(api: ScriptedApi, sync: Sync, spec: StreamSpec = LIST, state: dict[str, Any] | None = None) -> Run:
    return sync(api.config | {"page_size": PAGE_SIZE, "max_read_seconds": 60}, specs=[spec], state=state)


def read_a_part(
    api: ScriptedApi, sync: Sync, source: LongList, requests: int, state: dict[str, Any] | None = None
) -> Run:
    """Run the tap, with answers to so many requests of a pass."""
    source.left, source.asked_for_pass = requests, 0
    run = sync(api.config | {"page_size": PAGE_SIZE, "max_read_seconds": 1}, specs=[LIST], state=state)
    source.left = None
    source.released.set()
    source.released = threading.Event()
    return run


def due(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state whose last full pass is long ago."""
    return {"bookmarks": {STREAM: {**state["bookmarks"][STREAM], "full_pass_at": OLD}}}


def load(table: Table, run: Run) -> set[tuple[Any, ...]]:
    """Apply a run to the table, and return the keys that it marked deleted."""
    return table.run(run.messages, STREAM)


def test_a_first_load_that_ends_early_goes_on_where_it_was(api: ScriptedApi, sync: Sync, source: LongList) -> None:
    table = Table()
    first = read_a_part(api, sync, source, COUNT // PAGE_SIZE * 2 // 3)
    load(table, first)
    assert COUNT / 4 < len(table.live) < COUNT
    assert first.of("ACTIVATE_VERSION") == []
    assert first.ends[STREAM]["status"] == "incomplete"
    reason = first.ends[STREAM]["reason"]
    assert re.search(
        rf"the first load goes on in the next run: it has read \d+ of {COUNT} records, [\d.]+ a second", reason
    )

    source.change(3)
    source.change(COUNT)
    del source.records[7]
    again = len(table.live)
    second = read(api, sync, state=first.state)
    assert second.error is None
    assert load(table, second) == set()
    # No more than a window, and what changes bring.
    repeated = {record["id"] for record in second.records(STREAM)} & {record["id"] for record in first.records(STREAM)}
    assert len(repeated) <= MAX_WINDOW_PAGES * PAGE_SIZE + 1
    assert len(second.records(STREAM)) <= COUNT - again + MAX_WINDOW_PAGES * PAGE_SIZE + 2
    assert {key for (key,) in table.live} == source.records.keys() | {7}
    assert table.live[3,]["modifiedOn"] == source.records[3]["modifiedOn"]
    # There was nothing that could be gone. What went meanwhile is found by the next pass.
    assert second.of("ACTIVATE_VERSION") == []
    bookmark = second.state["bookmarks"][STREAM]
    assert bookmark.keys() == {"newest", "full_pass_at", *api.owner}

    assert load(table, read(api, sync, state=due(second.state))) == {(7,)}
    assert {key for (key,) in table.live} == source.records.keys()


def test_a_full_pass_in_parts_within_one_run_marks_what_is_gone(api: ScriptedApi, sync: Sync, source: LongList) -> None:
    table = Table()
    first = read(api, sync)
    load(table, first)
    assert first.error is None
    assert [record["id"] for record in first.records(STREAM)] == list(range(COUNT))  # each once, oldest first
    assert len(first.of("ACTIVATE_VERSION")) == 1

    del source.records[0], source.records[COUNT - 1]
    second = read(api, sync, state=due(first.state))
    assert second.error is None
    assert load(table, second) == {(0,), (COUNT - 1,)}


def swept(run: Run) -> list[dict[str, str]]:
    """Return the ranges that a run lets the target sweep."""
    said: dict[str, Any] = run.ends.get(STREAM, {}).get("swept", {"ranges": []})
    ranges: list[dict[str, str]] = said["ranges"]
    return ranges


def test_a_full_pass_that_takes_several_runs_marks_what_is_gone_from_its_parts(
    api: ScriptedApi, sync: Sync, source: LongList
) -> None:
    table = Table()
    loaded = read(api, sync)
    load(table, loaded)
    del source.records[7], source.records[COUNT - 2]
    source.change(9)
    first = read_a_part(api, sync, source, COUNT // PAGE_SIZE // 2, due(loaded.state))
    assert load(table, first) == {(7,)}
    assert table.live[9,]["modifiedOn"] == source.records[9]["modifiedOn"]
    assert "all changes were read; the full pass goes on in the next run: it has read " in first.ends[STREAM]["reason"]
    assert first.of("ACTIVATE_VERSION") == []

    source.change(COUNT)
    second = read(api, sync, state=first.state)
    assert second.error is None
    assert load(table, second) == {(COUNT - 2,)}
    assert second.of("ACTIVATE_VERSION") == []
    assert len([record for record in second.records(STREAM) if record["id"] < COUNT]) < COUNT
    assert {key for (key,) in table.live} == source.records.keys()
    assert second.state["bookmarks"][STREAM].keys() == {"newest", "full_pass_at", *api.owner}
    [before], [after] = swept(first), swept(second)
    assert before == {"before": after["from"]}
    assert FIRST < datetime.fromisoformat(after["from"]) < datetime.fromisoformat(after["before"]) <= api.now  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(3))
def test_the_table_becomes_the_list_however_runs_end(seed: int, api: ScriptedApi, sync: Sync, source: LongList) -> None:
    """Meanwhile records come, change, and go."""
    dice, table = random.Random(seed), Table()
    loaded = read(api, sync)
    load(table, loaded)
    state, gone = due(loaded.state), set[tuple[Any, ...]]()
    for number in range(30):
        for _ in range(5):
            del source.records[dice.choice(sorted(source.records))]
            source.change(dice.choice(sorted(source.records)))
        source.change(COUNT + number)
        run = read_a_part(api, sync, source, dice.randint(30, 90), state)
        if is_killed := (number < 6 and dice.random() < 0.5):
            ends = [place for place, message in enumerate(run.messages) if "x-read" in message]
            run = run.up_to(round(ends[0] * dice.choice([0.5, 0.9, 1])))
        assert run.of("ACTIVATE_VERSION") == []
        marked, state = load(table, run), run.state or state
        assert not marked & {(key,) for key in source.records}
        assert is_killed or table.live[COUNT + number,]["modifiedOn"] == source.records[COUNT + number]["modifiedOn"]
        gone |= marked
        if state["bookmarks"][STREAM]["full_pass_at"] != OLD:
            break
    assert state["bookmarks"][STREAM]["full_pass_at"] != OLD
    assert gone
    # What went after its part was swept is found by the next pass.
    last = read(api, sync, state=due(state))
    load(table, last)
    assert {key for (key,) in table.live} == source.records.keys()


def test_what_a_killed_run_has_read_of_a_list_stays_a_gap(api: ScriptedApi, sync: Sync, source: LongList) -> None:
    table = Table()
    loaded = read(api, sync)
    load(table, loaded)
    del source.records[7]
    first = read_a_part(api, sync, source, COUNT // PAGE_SIZE // 2, due(loaded.state))
    [end] = [place for place, message in enumerate(first.messages) if "x-read" in message]
    killed = first.up_to(end)
    assert load(table, killed) == set()
    opened = killed.state["bookmarks"][STREAM]["open_pass"]
    assert opened["gaps"] == [[None, opened["created_to"]]]
    second = read(api, sync, state=killed.state)
    assert second.records(STREAM)[0]["id"] > 7  # first what is new, and then the gap
    assert load(table, second) == {(7,)}
    [everything] = swept(second)
    assert everything.keys() == {"before"}


def test_a_list_without_its_time_of_creation_is_not_swept_in_parts(
    api: ScriptedApi, sync: Sync, source: LongList
) -> None:
    settings = {"pii": [{"fields": ["createdOn"], "action": "drop"}]}
    api_config = api.config | {"page_size": PAGE_SIZE, **settings}
    loaded = sync(api_config | {"max_read_seconds": 60}, specs=[LIST])
    source.left, source.asked_for_pass = COUNT // PAGE_SIZE // 2, 0
    first = sync(api_config | {"max_read_seconds": 1}, specs=[LIST], state=due(loaded.state))
    source.left = None
    source.released.set()
    assert swept(first) == []
    second = sync(api_config | {"max_read_seconds": 60}, specs=[LIST], state=first.state)
    assert swept(second) == []
    assert "records deleted since 2020-01-01 are not marked" in second.ends[STREAM]["reason"]
    # One that fits into one run is made by the next one.
    assert second.ends[STREAM]["reason"].endswith("; the next run makes one")
    third = sync(api_config | {"max_read_seconds": 60}, specs=[LIST], state=second.state)
    assert third.error is None
    assert len(third.of("ACTIVATE_VERSION")) == 1
    assert third.state["bookmarks"][STREAM].keys() == {"newest", "full_pass_at", *api.owner}


def test_parts_that_the_filter_may_hide_records_from_are_not_swept(
    api: ScriptedApi, sync: Sync, source: LongList
) -> None:
    """It did not, when the pass began."""
    table = Table()
    loaded = read(api, sync)
    load(table, loaded)
    first = read_a_part(api, sync, source, COUNT // PAGE_SIZE // 2, due(loaded.state))
    load(table, first)
    source.hides = {COUNT - 9}
    second = read(api, sync, state=first.state)
    assert swept(second) == []
    assert second.ends[STREAM]["status"] == "incomplete"
    assert load(table, second) == set()
    source.hides.clear()
    third = read(api, sync, state=second.state)
    assert third.error is None
    assert load(table, third) == set()
    assert swept(third)


def test_a_list_that_ignores_the_time_of_creation_is_read_whole(api: ScriptedApi, sync: Sync, source: LongList) -> None:
    source.obeys_since = False
    table = Table()
    run = read(api, sync)
    load(table, run)
    assert run.error is None
    assert {key for (key,) in table.live} == source.records.keys()
    assert len(run.of("ACTIVATE_VERSION")) == 1
    assert source.asked_for_pass < 3 * COUNT / PAGE_SIZE


def test_a_pass_over_a_feed_goes_on_from_its_token(api: ScriptedApi, sync: Sync, source: LongList) -> None:
    pages, stop = 40, 20

    def feed(query: Query) -> dict[str, Any]:
        number = int(query.get("from", 0))
        if number == stop:
            source.released.wait(60)
        return {
            "hasMore": number + 1 < pages,
            "continueFrom": str(number + 1),
            "data": [{"id": number}][: pages - number],
        }

    api.routes["/export/campaigns"] = feed
    state = {"bookmarks": {STREAM: {"continue_from": str(pages - 1), "full_pass_at": OLD, **api.owner}}}
    first = sync(api.config | {"max_read_seconds": 1}, specs=[FEED], state=state)
    source.released.set()
    assert first.state["bookmarks"][STREAM]["open_pass"]["continue_from"] == str(stop)
    assert first.of("ACTIVATE_VERSION") == []

    second = read(api, sync, FEED, first.state)
    assert {record["id"] for record in second.records(STREAM)} == set(range(stop, pages))
    assert second.of("ACTIVATE_VERSION") == []
    assert second.ends[STREAM]["status"] == "incomplete"
    assert "open_pass" not in second.state["bookmarks"][STREAM]


def test_a_pass_over_a_feed_that_goes_on_to_nothing_is_not_done(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/export/campaigns"] = lambda query: {
        "hasMore": False,
        "continueFrom": "changes" if query.get("from") == "changes" else None,
        "data": [],
    }
    opened = {"began": at(FIRST), "continue_from": "middle"}
    bookmark = {"continue_from": "changes", "full_pass_at": OLD, "open_pass": opened, **api.owner}
    run = read(api, sync, FEED, {"bookmarks": {STREAM: bookmark}})
    assert run.ends[STREAM]["status"] == "failed"
    assert "and then had nothing" in run.ends[STREAM]["reason"]
    assert run.state["bookmarks"][STREAM]["open_pass"]["continue_from"] == "middle"


START = "2026-02-01"
"""A start date in the middle of the list's times."""


def read_since_start(api: ScriptedApi, sync: Sync, state: dict[str, Any]) -> Run:
    return sync(api.config | {"page_size": PAGE_SIZE, "start_date": START}, specs=[LIST], state=state)


def test_a_first_load_that_a_start_date_cuts_short_begins_again_there(
    api: ScriptedApi, sync: Sync, source: LongList
) -> None:
    table = Table()
    first = read_a_part(api, sync, source, COUNT // PAGE_SIZE * 2 // 3)
    load(table, first)
    assert first.state["bookmarks"][STREAM]["newest"] > START
    second = read_since_start(api, sync, first.state)
    load(table, second)
    assert second.ends[STREAM] == {"status": "complete"}
    assert {key for key, record in source.records.items() if record["modifiedOn"] >= START} <= {
        key for (key,) in table.live
    }
    # It has begun again once. From then on it reads the changes.
    third = read_since_start(api, sync, second.state)
    assert len(third.records(STREAM)) < PAGE_SIZE


def test_a_first_load_that_missed_records_begins_again_at_a_start_date(
    api: ScriptedApi, sync: Sync, source: LongList
) -> None:
    state = {"bookmarks": {STREAM: {"newest": at(FIRST + timedelta(days=400)), **api.owner}}}
    run = read_since_start(api, sync, state)
    assert run.ends[STREAM] == {"status": "complete"}
    assert {record["id"] for record in run.records(STREAM)} == {
        key for key, record in source.records.items() if record["modifiedOn"] >= START
    }


def test_a_full_pass_that_has_begun_is_finished_with_a_start_date(
    api: ScriptedApi, sync: Sync, source: LongList
) -> None:
    table = Table()
    loaded = read(api, sync)
    load(table, loaded)
    first = read_a_part(api, sync, source, COUNT // PAGE_SIZE // 2, due(loaded.state))
    load(table, first)
    source.records[COUNT - 1]["name"] = "changed, and its time is not"
    del source.records[7]
    second = read_since_start(api, sync, first.state)
    assert load(table, second) == set()
    assert second.ends[STREAM] == {"status": "complete"}
    assert table.live[COUNT - 1,]["name"] == source.records[COUNT - 1]["name"]
    assert "open_pass" not in second.state["bookmarks"][STREAM]
