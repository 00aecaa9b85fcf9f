"""After a run that was killed at any moment, the next one continues where the output ended. No feed is endless."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from support.tap.harness import FEW, add_company
from support.tap.scripted import Reply, page_of
from tap_servicetitan.replication.export_feed import MAX_IDLE_PAGES
from tap_servicetitan.specs.spec import StreamSpec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Sync
    from support.tap.scripted import Query, ScriptedApi

# Rows bear the names of streams that have a schema file; the rest is made up.
STREAM = "activities"
SPEC = StreamSpec(name=STREAM, export_path="/a/v2/tenant/{tenant}/export/things", selected=True)
PATH = "/export/things"
PAGES, PAGE_SIZE, KILLED_AFTER = 60, 100, 25

PROGRAM = """
import sys
from tap_servicetitan.__main__ import main
from tap_servicetitan.specs.spec import StreamSpec
from tap_servicetitan.tap import TapServiceTitan
spec = StreamSpec(name="activities", export_path="/a/v2/tenant/{tenant}/export/things", selected=True)
TapServiceTitan.specs = [spec]
main()
"""


def page(query: Query) -> dict[str, Any]:
    number = int(query.get("from", 0))
    ids = range(number * PAGE_SIZE, (number + 1) * PAGE_SIZE)
    data = [{"id": identifier, "modifiedOn": "2026-01-01T00:00:00Z", "text": "x" * 500} for identifier in ids]
    return {"hasMore": number + 1 < PAGES, "continueFrom": str(number + 1), "data": data}


def start_tap(config: dict[str, Any], state: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    """Start the tap as a process."""
    for name, content in (("config", config), ("state", state)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    files = ["--config", str(folder / "config.json"), "--state", str(folder / "state.json")]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *files], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def whole(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """Return the messages of an output that may end in the middle of a line."""
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def test_a_killed_run_goes_on_from_a_token_one_page_old(api: ScriptedApi, sync: Sync, tmp_path: Path) -> None:
    api.routes[PATH] = page
    passed = datetime.now(UTC).isoformat()
    begun = {"bookmarks": {STREAM: {"continue_from": "0", "full_pass_at": passed, **api.owner}}}
    lines: list[bytes] = []
    with start_tap(api.config, begun, tmp_path) as process:
        assert process.stdout
        while sum(line.startswith(b'{"type":"STATE"') for line in lines) < KILLED_AFTER:
            lines += islice(process.stdout, PAGE_SIZE)
        process.kill()
        lines += process.stdout.readlines()

    messages = whole(lines)
    last = max(index for index, message in enumerate(messages) if message["type"] == "STATE")
    state = messages[last]["value"]
    token = int(state["bookmarks"][STREAM]["continue_from"])
    assert KILLED_AFTER - 1 <= token < PAGES
    # The token is that of the last page that came out whole; one more may have been written, one more been asked for.
    assert int(api.asked(PATH)[-1]["from"]) - token <= 2
    covered = {message["record"]["id"] for message in messages[:last] if message["type"] == "RECORD"}
    assert covered == set(range(token * PAGE_SIZE))

    before = len(api.requests)
    rest = sync(api.config, specs=[SPEC], state=state)
    assert api.requests[before][1]["from"] == str(token)
    assert {record["id"] for record in rest.records(STREAM)} == set(range(token * PAGE_SIZE, PAGES * PAGE_SIZE))


def test_a_killed_full_pass_is_made_again(api: ScriptedApi, sync: Sync, tmp_path: Path) -> None:
    reached, killed = threading.Event(), threading.Event()

    def stopping(query: Query) -> dict[str, Any]:
        if int(query.get("from", 0)) == PAGES // 2:
            reached.set()
            killed.wait(20)
        return page(query)

    api.routes[PATH] = stopping
    passed = "2020-01-01T00:00:00+00:00"
    old = {"bookmarks": {STREAM: {"continue_from": str(PAGES - 1), "full_pass_at": passed, **api.owner}}}
    with start_tap(api.config, old, tmp_path) as process:
        assert process.stdout
        # What is written until then would not fit into the pipe.
        lines: list[bytes] = []
        output = threading.Thread(target=lines.extend, args=(process.stdout,))
        output.start()
        assert reached.wait(60)
        process.kill()
        killed.set()
        output.join()
    messages = whole(lines)
    assert {message["type"] for message in messages} == {"STATE", "SCHEMA", "RECORD"}
    # The changes of the last page came first, and count.
    states = [message["value"]["bookmarks"][STREAM] for message in messages if message["type"] == "STATE"]
    assert [state["continue_from"] for state in states] == [str(PAGES - 1), str(PAGES)]
    assert {state["full_pass_at"] for state in states} == {passed}

    api.routes[PATH] = page
    again = sync(api.config, specs=[SPEC], state=old)
    assert len([message for message in again.of("RECORD") if "version" in message]) == PAGES * PAGE_SIZE
    assert len(again.of("ACTIVATE_VERSION")) == 1


def test_a_feed_that_moves_its_token_and_repeats_itself_is_given_up(
    api: ScriptedApi, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    def repeating(query: Query) -> dict[str, Any]:
        return {**page({}), "continueFrom": f"{query.get('from', '')}x", "hasMore": True}

    api.routes[PATH] = repeating
    run = sync(api.config, specs=[SPEC])
    assert str(run.error) == f"1 of 1 stream failed: {STREAM}"
    assert f"{STREAM}: failed: the export feed says that there is more, but does not move on" in caplog.text
    assert len(api.requests) <= MAX_IDLE_PAGES + 3
    assert run.of("ACTIVATE_VERSION") == []
    assert "full_pass_at" not in run.state["bookmarks"][STREAM]


def test_bursts_of_errors_in_all_streams_pass(api: ScriptedApi, sync: Sync) -> None:
    names = ("business_units", "campaigns", "employees", "job_types")
    count = 0

    def bursting(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        nonlocal count
        count += 1
        # Of each 20 requests 5 fail, one after the other, each in a way of its own.
        faults = [Reply(500), b"<html>", Reply(503), b'{"hasMore":', b"\xff"]
        return faults[count % 20] if count % 20 < len(faults) else page_of(records, query)

    records = [{"id": number} for number in range(30)]
    api.routes |= {f"/{name}": bursting for name in names}
    specs = [StreamSpec(name=name, list_path=f"/a/v2/tenant/{{tenant}}/{name}") for name in names]
    run = sync(api.config | {"page_size": 10, "max_retries": 5}, specs=specs)
    assert run.error is None
    for name in names:
        assert run.records(name) == records
        assert len(run.of("ACTIVATE_VERSION", name)) == 1


def test_an_empty_tenant_is_complete_and_remembered(servicetitan: ServiceTitan, sync: Sync) -> None:
    company = add_company(servicetitan, sizes=dict.fromkeys(FEW, 0))
    run = sync(company.config, *FEW)
    assert run.error is None
    assert run.of("RECORD") == []
    assert {message["stream"] for message in run.of("ACTIVATE_VERSION")} == FEW.keys()
    assert set(run.state["bookmarks"]) == FEW.keys()
