"""A full pass over the lists of many parents that takes several runs marks what is gone, part by part, and no more."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import Query, Reply, page_of
from support.tap.target_table import Table
from tap_servicetitan.replication import child_lists
from tap_servicetitan.specs.spec import Parent, StreamSpec
from tap_servicetitan.streams import full_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.tap.harness import Run, Sync
    from support.tap.scripted import ScriptedApi

# Streams bear names that have a schema file; the rest is made up.
STREAM = "customer_notes"
PARENTS = StreamSpec(
    name="customers",
    list_path="/a/v2/tenant/{tenant}/customers",
    changed_since="modifiedOnOrAfter",
    changed_before="modifiedBefore",
)
NOTES = StreamSpec(
    name=STREAM,
    list_path="/a/v2/tenant/{tenant}/customers/{id}/notes",
    key=("customerId", "id"),
    parent=Parent(stream="customers", placeholder="id", field="customerId"),
)
COUNT = 30
LATEST = 10 * COUNT
"""The customer that has changed last: each run looks back for it, and reads its list once more."""
OLD, LONG_AGO = "2020-01-01T00:00:00+00:00", "2020-01-01T00:00:00Z"
Key = tuple[Any, int]


class Customers:
    """Customers with two notes each, whose lists may stop to come."""

    def __init__(self, api: ScriptedApi, sync: Sync) -> None:
        self.notes: dict[Any, dict[int, str]] = {key: {1: "one", 2: "two"} for key in range(10, 10 * COUNT + 1, 10)}
        self.changed: dict[Any, str] = dict.fromkeys(self.notes, LONG_AGO) | {LATEST: "2025-01-01T00:00:00Z"}
        self.unreadable: set[Any] = set()
        self.left: int | None = None
        """How many more lists of notes are answered."""
        self.asked: list[Any] = []
        """The customers whose notes were asked for."""
        self.released = threading.Event()
        self.table = Table()
        self.marked: set[Key] = set()
        self.state: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self._api, self._sync = api, sync
        api.now = datetime(2026, 1, 1, tzinfo=UTC)
        api.routes["/customers"] = self._list
        for key in self.notes:
            self._serve(key)

    def _serve(self, key: object) -> None:
        self._api.routes[f"/customers/{key}/notes"] = lambda query: self._answer(key, query)

    def _list(self, query: Query) -> dict[str, Any]:
        customers = [
            {"id": key, "modifiedOn": at}
            for key, at in self.changed.items()
            if query.get("modifiedOnOrAfter", "") <= at < query.get("modifiedBefore", "9")
        ]
        return page_of(customers, query)

    def _answer(self, key: object, query: Query) -> Any:  # noqa: ANN401 - JSON, or another answer
        self.asked.append(key)
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.released.wait(60)
        if key in self.unreadable or key not in self.notes:
            return Reply(404)
        return page_of([{"id": number, "text": text} for number, text in self.notes[key].items()], query)

    @property
    def rows(self) -> dict[Key, str]:
        """All notes, by key."""
        return {(key, number): text for key, notes in self.notes.items() for number, text in notes.items()}

    def change(self, key: object, number: int, text: str | None) -> None:
        """Write a note, of a customer that may be new, or delete it. Of a deletion, the customer shows nothing."""
        if text is None:
            self.notes[key].pop(number, None)
            return
        assert self._api.now
        self.notes.setdefault(key, {})[number] = text
        self.changed[key] = f"{self._api.now:%Y-%m-%dT%H:%M:%SZ}"
        self._serve(key)

    def drop(self, key: object) -> None:
        """Delete a customer, and its notes."""
        del self.notes[key], self.changed[key]

    def run(self, lists: int | None = None, kept: float | None = None, *, seconds: int = 1) -> Run:
        """Run the tap, and apply its messages. No row of a note that is there may be marked.

        Args:
            lists: How many lists it gets before its time is up. By default, all.
            kept: The share of the messages before the end of the stream that come, if the run is killed.
            seconds: After how long its time is up. Many lists need more than one, on a busy machine.
        """
        assert self._api.now
        self._api.now += timedelta(days=2)  # what was changed before is not looked back for
        was_open = "open_pass" in self.state.get("bookmarks", {}).get(STREAM, {})
        self.left, self.released = lists, threading.Event()
        self.asked.clear()
        settings = {"page_size": 100, "max_read_seconds": 60 if lists is None else seconds, **self.settings}
        run = self._sync(self._api.config | settings, STREAM, specs=(PARENTS, NOTES), state=self.state or None)
        self.released.set()
        assert not was_open or run.of("ACTIVATE_VERSION") == []
        if kept is not None:
            ends = [number for number, message in enumerate(run.messages) if "x-read" in message]
            run = run.up_to(round(kept * ends[0]))
        self.state = run.state or self.state
        marked = self.table.run(run.messages, STREAM)
        assert not marked & self.rows.keys()
        self.marked |= marked
        return run

    def load(self) -> None:
        """Load all notes, and let a full pass be due."""
        assert self.run().error is None
        self.let_pass_be_due()

    def let_pass_be_due(self) -> None:
        """Let the last full pass be long ago."""
        self.bookmark["full_pass_at"] = OLD

    @property
    def bookmark(self) -> dict[str, Any]:
        """The bookmark of the notes."""
        bookmark: dict[str, Any] = self.state["bookmarks"][STREAM]
        return bookmark

    @property
    def opened(self) -> dict[str, Any]:
        """The full pass that the next run goes on with; empty if there is none."""
        opened: dict[str, Any] = self.bookmark.get("open_pass", {})
        return opened

    @property
    def is_over(self) -> bool:
        """Whether the full pass is over, and has shown what is gone."""
        return self.bookmark["full_pass_at"] != OLD and not self.opened

    @property
    def live(self) -> dict[Key, str]:
        """The rows of the table that are not marked deleted."""
        return {(key, number): record["text"] for (key, number), record in self.table.live.items()}


@pytest.fixture
def customers(api: ScriptedApi, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Iterator[Customers]:
    monkeypatch.setattr(full_pass, "SAVE_SECONDS", 0)
    monkeypatch.setattr(child_lists, "PARENTS_AT_ONCE", 3)
    served = Customers(api, sync)
    yield served
    served.released.set()


def swept(run: Run) -> list[dict[str, int]]:
    """Return the ranges that a run lets the target sweep."""
    said: dict[str, Any] = run.ends.get(STREAM, {}).get("swept", {"ranges": []})
    ranges: list[dict[str, int]] = said["ranges"]
    return ranges


def test_each_run_marks_what_is_gone_from_the_lists_that_it_has_read(customers: Customers) -> None:
    customers.load()
    gone = {(20, 1), (140, 2), (290, 1)}
    for key, number in gone:
        customers.change(key, number, None)
    customers.drop(280)
    gone |= {(280, 1), (280, 2)}
    runs = [customers.run(lists=12)]
    assert (20, 1) in customers.marked
    assert (290, 1) not in customers.marked
    while not customers.is_over:
        runs.append(customers.run(lists=12))
    assert len(runs) > 2
    assert customers.marked == gone
    assert customers.live == customers.rows
    assert runs[-1].ends[STREAM]["status"] == "complete"
    # One range after the other, without a gap, and the last one has no end.
    ranges = [each for run in runs for each in swept(run)]
    assert [each.get("after") for each in ranges] == [None, *(each["to"] for each in ranges[:-1])]
    assert "to" not in ranges[-1]
    assert customers.bookmark.keys() == {"newest", "full_pass_at", "tenant", "environment"}


def test_the_records_of_a_run_have_the_version_that_it_tells(customers: Customers) -> None:
    customers.load()
    versions: list[int] = []
    while not customers.is_over:
        run = customers.run(lists=12)
        said = run.ends[STREAM]["swept"]
        assert {message.get("version") for message in run.of("RECORD")} - {None} == {said["version"]}
        assert said["property"] == "customerId"
        # A target that does not know the word sees a bookmark, and versions that never end.
        assert run.of("ACTIVATE_VERSION") == []
        assert run.of("SCHEMA")[0]["schema"].get("x-versions-are-parts", False) is bool(versions)
        versions.append(said["version"])
    assert len(set(versions)) == len(versions) > 1


def test_what_a_killed_run_has_read_is_read_once_more(customers: Customers) -> None:
    customers.load()
    customers.change(20, 1, None)
    customers.change(150, 1, None)
    customers.run(lists=12, kept=1)
    assert customers.marked == set()
    [[low, high]] = customers.opened["gaps"]
    assert low is None
    assert high == customers.opened["done_to"] > 20
    # It goes on behind that, and comes back when it has come to the end.
    second = customers.run()
    assert customers.asked[0] > high
    assert customers.asked.count(20) == 1
    assert swept(second) == [{}]
    assert customers.is_over
    assert customers.marked == {(20, 1), (150, 1)}


def test_gaps_that_are_left_are_all_that_the_next_run_reads(customers: Customers) -> None:
    customers.load()
    customers.run(lists=12, kept=1)
    gap_end = customers.opened["done_to"]
    customers.change(20, 1, None)
    left = len([key for key in customers.notes if key > gap_end])
    customers.run(lists=left + 3, seconds=4)
    assert customers.opened["is_read"]
    run = customers.run()
    assert run.ends[STREAM]["status"] == "complete"
    assert set(customers.asked) <= {*(key for key in customers.notes if key <= gap_end), LATEST}
    assert customers.is_over
    assert customers.marked == {(20, 1)}


@pytest.mark.parametrize("seed", range(4))
def test_the_table_becomes_the_source_however_runs_end(seed: int, customers: Customers) -> None:
    """Meanwhile customers and notes come, change, and go."""
    dice = random.Random(seed)
    customers.load()
    for number in range(40):
        for _ in range(3):
            key = dice.choice(sorted(customers.notes))
            change_something(customers, dice, key, number)
        is_killed = number < 12 and dice.random() < 0.5
        customers.run(lists=dice.randint(8, 24), kept=dice.choice([0.4, 0.8, 1]) if is_killed else None)
        assert is_killed or customers.live.items() >= changed_lately(customers).items()
        if customers.is_over and number > 8:
            break
    assert customers.is_over
    assert customers.marked
    # What went after its part was swept is found by the next pass.
    customers.let_pass_be_due()
    while not customers.is_over:
        customers.run(lists=20)
    assert customers.live == customers.rows


def change_something(customers: Customers, dice: random.Random, key: int, number: int) -> None:
    what = dice.random()
    if what < 0.3:
        customers.change(key, dice.choice([1, 2, 3]), None)
    elif what < 0.4 and len(customers.notes) > 15:
        customers.drop(key)
    elif what < 0.5:
        customers.change(dice.randint(1, 400), 1, f"new in {number}")
    else:
        customers.change(key, dice.choice([1, 2, 3]), f"changed in {number}")


def changed_lately(customers: Customers) -> dict[Key, str]:
    """Return the notes of the customers that have changed since the run before."""
    latest = max(customers.changed.values())
    return {(key, number): text for (key, number), text in customers.rows.items() if customers.changed[key] == latest}


def test_a_list_that_cannot_be_read_is_never_swept(customers: Customers) -> None:
    customers.load()
    customers.settings = {"reconcile_interval_days": 365}
    customers.unreadable = {50}
    for key in (40, 50, 60):
        customers.change(key, 1, None)
    runs = [customers.run(lists=14)]
    while not customers.opened.get("is_read"):
        runs.append(customers.run(lists=14))
    assert customers.marked == {(40, 1), (60, 1)}
    assert customers.opened["gaps"] == [[40, 50]]
    assert customers.bookmark["owed"] == [50]
    assert not any(each.get("after", 0) < 50 <= each.get("to", 999) for run in runs for each in swept(run))

    again = customers.run()
    assert again.ends[STREAM]["status"] == "incomplete"
    assert "1 list of customers was not read, such as that of 50" in again.ends[STREAM]["reason"]
    assert set(customers.asked) == {50, LATEST}
    customers.unreadable.clear()
    assert customers.run().ends[STREAM]["status"] == "complete"
    assert customers.is_over
    assert customers.marked == {(40, 1), (50, 1), (60, 1)}
    assert customers.live == customers.rows


def test_a_list_that_is_never_read_does_not_keep_a_new_pass_from_beginning(customers: Customers) -> None:
    customers.load()
    customers.unreadable = {50}
    while not customers.opened.get("is_read"):
        customers.run(lists=14)
    customers.change(200, 1, None)
    customers.opened["began"] = OLD
    customers.run(lists=25)
    assert customers.opened["began"] != OLD
    assert (200, 1) in customers.marked


def test_parents_that_may_be_missing_let_nothing_be_swept(customers: Customers, api: ScriptedApi) -> None:
    customers.load()
    customers.run(lists=12)
    before = customers.opened
    listed = api.routes["/customers"]

    def change_all_the_time(query: Query) -> dict[str, Any]:
        page: dict[str, Any] = listed(query)
        if "modifiedOnOrAfter" in query:
            return page
        return page | {"totalCount": page["totalCount"] + 1}

    api.routes["/customers"] = change_all_the_time
    run = customers.run()
    assert run.error is not None
    assert swept(run) == []
    assert customers.opened == before


def test_a_record_that_is_none_lets_nothing_be_swept(customers: Customers, api: ScriptedApi) -> None:
    customers.load()
    customers.run(lists=12)
    answer = api.routes["/customers/290/notes"]

    def broken(query: Query) -> dict[str, Any]:
        page: dict[str, Any] = answer(query)
        return page | {"data": [*page["data"], 7], "totalCount": page["totalCount"] + 1}

    api.routes["/customers/290/notes"] = broken
    customers.change(280, 1, None)
    run = customers.run()
    assert "no JSON object" in run.ends[STREAM]["reason"]
    assert swept(run) == []
    assert customers.marked == set()
    api.routes["/customers/290/notes"] = answer
    assert customers.run().ends[STREAM]["status"] == "complete"
    assert customers.marked == {(280, 1)}


def mix_keys(customers: Customers) -> None:
    customers.change("x", 1, "of a text")


def hash_parents(customers: Customers) -> None:
    customers.settings = {"pii": [{"fields": ["customerId"], "action": "hash"}], "pii_salt": "salt" * 8}


def map_parents(customers: Customers) -> None:
    customers.settings = {"stream_maps": {STREAM: {"customerId": "customerId + 1"}}}


@pytest.mark.parametrize("change", [mix_keys, hash_parents, map_parents])
def test_where_parts_cannot_be_told_a_pass_marks_nothing_and_says_so(
    change: Callable[[Customers], None], customers: Customers
) -> None:
    change(customers)
    customers.load()
    customers.change(20, 1, None)
    for _ in range(20):
        run = customers.run(lists=12)
        assert swept(run) == []
        if "long_pass_at" in customers.bookmark:
            break
    assert "records deleted since 2020-01-01 are not marked" in run.ends[STREAM]["reason"]
    assert "gaps" not in str(customers.state)
    assert len(customers.live) == len(customers.rows) + 1


def test_a_record_that_can_move_to_another_parent_is_not_swept(
    customers: Customers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key does not tell whose it is, so one that is not in a list any more may be in another."""
    monkeypatch.setitem(globals(), "NOTES", NOTES_BY_ID)
    for key in customers.notes:
        customers.notes[key] = {int(key) + 1: "one"}
    customers.load()
    customers.change(20, 21, None)
    customers.change(300, 21, "moved")
    assert swept(customers.run(lists=12)) == []


NOTES_BY_ID = StreamSpec(name=STREAM, list_path=NOTES.list_path, key=("id",), parent=NOTES.parent)


def test_a_first_load_in_parts_sweeps_nothing(customers: Customers) -> None:
    for _ in range(10):
        run = customers.run(lists=12)
        assert swept(run) == []
        if run.ends[STREAM]["status"] == "complete":
            break
    assert customers.live == customers.rows
    assert customers.bookmark.keys() == {"newest", "full_pass_at", "tenant", "environment"}


def test_a_pass_that_an_earlier_version_has_begun_is_swept_from_its_beginning(customers: Customers) -> None:
    customers.load()
    customers.change(20, 1, None)
    customers.bookmark["open_pass"] = {"began": "2026-01-01T00:00:00.000+00:00", "done_to": 100, "read": 10}
    run = customers.run()
    assert swept(run) == [{}]
    assert customers.marked == {(20, 1)}
    assert customers.is_over


def test_a_start_date_in_the_middle_leaves_the_rest_unmarked(customers: Customers) -> None:
    customers.load()
    customers.run(lists=12)
    customers.change(290, 1, None)
    customers.settings = {"start_date": "2019-01-01"}
    assert swept(customers.run()) == []
    assert customers.marked == set()
