"""A run whose time is up ends its output at once: what was read to its end counts, and all else goes on next time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import Query, Reply, page_of
from tap_servicetitan.specs.spec import StreamSpec
from tap_servicetitan.streams.base import ServiceTitanStream
from tap_servicetitan.streams.outcome import ReadStatus, StreamOutcome
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.tap.harness import Sync
    from support.tap.scripted import ScriptedApi

# Rows bear the names of streams that have a schema file; the rest is made up.
LIST = StreamSpec(name="campaigns", list_path="/a/v2/tenant/{tenant}/campaigns")
FEED = StreamSpec(name="activities", export_path="/b/v2/tenant/{tenant}/export/activities")
LATE = StreamSpec(name="employees", list_path="/a/v2/tenant/{tenant}/employees")
PAGES_BEFORE = 3


@pytest.fixture
def silent(api: ScriptedApi) -> Iterator[threading.Event]:
    """Serves a list, and a feed whose fourth page does not come until the event is set."""
    released = threading.Event()

    def feed(query: Query) -> dict[str, Any]:
        number = int(query.get("from", 0))
        if number == PAGES_BEFORE:
            released.wait(60)
        return {"hasMore": True, "continueFrom": str(number + 1), "data": [{"id": number}]}

    api.routes["/campaigns"] = lambda query: page_of([{"id": 1}], query)
    api.routes["/employees"] = lambda query: page_of([{"id": 1}], query)
    api.routes["/export/activities"] = feed
    yield released
    released.set()


def test_what_was_read_to_its_end_counts_and_the_rest_goes_on_next_time(
    api: ScriptedApi, sync: Sync, silent: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    run = sync(api.config | {"max_read_seconds": 1}, specs=[LIST, FEED])

    assert not silent.is_set()  # the run has not waited for the page
    assert str(run.error) == "1 of 2 streams is incomplete: activities"
    assert run.ends["campaigns"] == {"status": "complete"}
    reason = "the time was up after 1 s (setting `max_read_seconds`): 3 records were read"
    assert run.ends["activities"] == {"status": "incomplete", "reason": reason}
    assert f"activities: incomplete: {reason}" in caplog.text
    assert [message["stream"] for message in run.of("ACTIVATE_VERSION")] == ["campaigns"]
    assert run.state["bookmarks"]["activities"]["continue_from"] == str(PAGES_BEFORE)
    assert "snapshot_at" in run.state["bookmarks"]["campaigns"]

    silent.set()
    api.routes["/export/activities"] = lambda _: {"hasMore": False, "continueFrom": "z", "data": [{"id": 99}]}
    api.requests.clear()
    rest = sync(api.config | {"max_read_seconds": 60}, specs=[LIST, FEED], state=run.state)
    assert rest.error is None
    # A thread that the first run has left behind may have asked for one more page.
    assert {query["from"] for query in api.asked("/export/activities")} - {str(PAGES_BEFORE + 1)} == {str(PAGES_BEFORE)}
    assert rest.ends["activities"] == {"status": "complete"}


def test_a_stream_whose_turn_did_not_come_is_incomplete(api: ScriptedApi, sync: Sync, silent: threading.Event) -> None:
    config = api.config | {"max_read_seconds": 1, "max_concurrent_streams": 1}
    run = sync(config, specs=[LIST, FEED, LATE])
    assert not silent.is_set()
    assert str(run.error) == "2 of 3 streams are incomplete: activities, employees"
    assert run.ends["employees"]["reason"] == "the time was up after 1 s (setting `max_read_seconds`)"
    assert run.of("SCHEMA", "employees") == []

    # The next run reads it, although the feed still does not come on.
    later = sync(config, specs=[LIST, FEED, LATE], state=run.state)
    assert not silent.is_set()
    assert str(later.error) == "1 of 3 streams is incomplete: activities"


def test_what_comes_after_the_end_of_the_output_is_not_written(
    api: ScriptedApi, sync: Sync, silent: threading.Event, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    run = sync(api.config | {"max_read_seconds": 1}, specs=[LIST, FEED])
    assert "x-read" in run.messages[-1]
    silent.set()  # the page comes now
    for thread in threading.enumerate():
        if thread.name.startswith("worker-"):
            thread.join(timeout=30)
    assert capsysbinary.readouterr().out == b""


def test_no_pause_that_the_api_asks_for_outlasts_the_time(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/campaigns"] = lambda _: Reply(429, {"Retry-After": "300"})
    api.routes["/employees"] = lambda query: page_of([{"id": 1}], query)
    run = sync(api.config | {"max_read_seconds": 1}, specs=[LIST, LATE])
    assert "campaigns" in str(run.error)
    assert run.ends["campaigns"]["status"] == "incomplete"
    assert run.of("ACTIVATE_VERSION", "campaigns") == []


def test_a_full_pass_that_is_cut_marks_nothing(api: ScriptedApi, sync: Sync, silent: threading.Event) -> None:
    passed = "2020-01-01T00:00:00+00:00"
    feed = api.routes["/export/activities"]
    changes = {"hasMore": False, "continueFrom": "t", "data": [{"id": 7}]}
    api.routes["/export/activities"] = lambda query: changes if query.get("from") == "t" else feed(query)
    state = {"bookmarks": {"activities": {"continue_from": "t", "full_pass_at": passed, **api.owner}}}
    run = sync(api.config | {"max_read_seconds": 1}, specs=[FEED], state=state)

    assert not silent.is_set()
    assert run.ends["activities"]["status"] == "incomplete"
    assert run.of("ACTIVATE_VERSION") == []
    # The changes came first, and count.
    assert run.records("activities")[0] == {"id": 7}
    bookmark = run.state["bookmarks"]["activities"]
    assert (bookmark["continue_from"], bookmark["full_pass_at"]) == ("t", passed)


def test_what_a_stream_finds_after_its_end_was_told_does_not_count(api: ScriptedApi) -> None:
    api.routes["/campaigns"] = lambda _: Reply(404)
    stream = TapServiceTitan(config=api.config).streams["campaigns"]
    assert isinstance(stream, ServiceTitanStream)
    stream.cut("the time was up")
    stream.read()  # as a thread does whose stream's turn came at that moment
    assert stream.outcome == StreamOutcome(ReadStatus.INCOMPLETE, reason="the time was up")
