"""Several streams at once: one valid output, one limit, one pause for all, one end."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.harness import add_company
from support.tap.scripted import Query, Reply, page_of
from tap_servicetitan.errors import SignInRefusedError
from tap_servicetitan.specs.spec import StreamSpec

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Company, Run, Sync
    from support.tap.scripted import ScriptedApi

NAMES = ("business_units", "campaigns", "employees", "job_types")
# Rows bear the names of streams that have a schema file; the rest is made up.
LISTS = [StreamSpec(name=name, list_path=f"/a/v2/tenant/{{tenant}}/{name}") for name in NAMES]
FEEDS = [StreamSpec(name=name, export_path=f"/a/v2/tenant/{{tenant}}/export/{name}") for name in NAMES]
PAGES = 12


def feed(query: Query) -> dict[str, Any]:
    """Answer a page of two records: 2n and 2n + 1 come with the token n + 1."""
    number = int(query.get("from", 0))
    data = [{"id": identifier, "modifiedOn": "2026-01-01T00:00:00Z"} for identifier in (2 * number, 2 * number + 1)]
    return {"hasMore": number + 1 < PAGES, "continueFrom": str(number + 1), "data": data}


def test_every_state_covers_what_stands_before_it(api: ScriptedApi, sync: Sync) -> None:
    api.routes |= {f"/export/{name}": feed for name in NAMES}
    begun = {"continue_from": "0", "full_pass_at": datetime.now(UTC).isoformat(), **api.owner}
    state = {"bookmarks": {name: dict(begun) for name in NAMES}}
    interval = sys.getswitchinterval()
    # Threads take turns as often as they can, so that two of them get in each other's way if they can.
    sys.setswitchinterval(1e-6)
    try:
        run = sync(api.config, specs=FEEDS, state=state)
    finally:
        sys.setswitchinterval(interval)
    assert run.error is None
    known: set[str] = set()
    seen: dict[str, set[int]] = {name: set() for name in NAMES}
    for message in run.messages:
        if message["type"] == "SCHEMA":
            known.add(message["stream"])
        if message["type"] == "RECORD":
            assert message["stream"] in known
            seen[message["stream"]].add(message["record"]["id"])
        if message["type"] == "STATE":
            read = {name: 2 * int(mark["continue_from"]) for name, mark in message["value"]["bookmarks"].items()}
            assert {name: set(range(count)) for name, count in read.items()} == {
                name: seen[name] & set(range(count)) for name, count in read.items()
            }
    assert run.state["bookmarks"]["campaigns"]["continue_from"] == str(PAGES)


def test_streams_are_read_at_the_same_time(api: ScriptedApi, sync: Sync) -> None:
    together = threading.Barrier(4)

    def meet(query: Query) -> dict[str, Any]:
        together.wait(timeout=20)
        return page_of([], query)

    api.routes |= {f"/{name}": meet for name in NAMES}
    assert sync(api.config, specs=LISTS).error is None


def test_one_at_a_time_is_the_same_every_time(company: Company, sync: Sync) -> None:
    def timeless(run: Run) -> list[Any]:
        return [(message["type"], message.get("stream"), message.get("record")) for message in run.messages]

    company.settings["max_concurrent_streams"] = 1
    first = sync(company.config)
    assert timeless(sync(company.config)) == timeless(first)


def test_too_many_requests_hold_back_all_streams_together(api: ScriptedApi, sync: Sync) -> None:
    times: list[float] = []
    numbers = itertools.count(1)
    refused = threading.Event()

    def crowded(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        times.append(time.monotonic())
        if next(numbers) == 20:
            refused.set()
            return Reply(429, {"Retry-After": "1"})
        # Each list has more pages than can be read before the refusal.
        return page_of([{"id": number} for number in range(60)], query)

    api.routes |= {f"/{name}": crowded for name in NAMES}
    run = sync(api.config | {"page_size": 3}, specs=LISTS)
    assert run.error is None
    assert refused.is_set()
    assert len(run.of("ACTIVATE_VERSION")) == len(NAMES)
    # Each list is read twice, and one request is repeated.
    assert len(times) == 2 * 20 * len(NAMES) + 1
    # A request of each other stream can be on its way already, and one of them waits behind it in the limiter. On a
    # busy machine some of the refused stream's are, too. Without a pause for all it would be nearly all of them.
    in_the_pause = [moment for moment in times[20:] if moment < times[19] + 0.99]
    assert len(in_the_pause) < 6 * len(NAMES)


def test_a_module_that_throttles_at_two_is_asked_by_two(servicetitan: ServiceTitan, sync: Sync) -> None:
    settings = ["job_types", "job_cancel_reasons", "job_hold_reasons", "appointments", "projects", "job_custom_fields"]
    company = add_company(servicetitan, most_at_once={"jpm": 2}, answer_seconds=0.01)
    company.settings |= {"page_size": 1, "max_retries": 8}
    run = sync(company.config, *settings, "campaigns", "technicians")

    assert run.error is None
    asked = [request for request in servicetitan.control.requests() if request["tenant"] == company.id]
    refused = [request["status"] for request in asked].count(429)
    # Of six streams at once, four are refused the first time. From then on the gate tries three now and then.
    assert 0 < refused < len(asked) / 4


def test_the_pause_of_one_module_is_not_for_the_others(api: ScriptedApi, sync: Sync) -> None:
    both_are_asked, is_refused, others_are_done = threading.Barrier(2), threading.Event(), threading.Event()
    asked: list[str] = []

    def refuse(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        asked.append("refused")
        if asked.count("refused") > 1:
            return page_of([], query)
        both_are_asked.wait(timeout=20)
        is_refused.set()
        return Reply(429, {"Retry-After": "4"})

    def answer(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        both_are_asked.wait(timeout=20)
        others_are_done.wait(timeout=20)
        return page_of([], query)

    def answer_of_another(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        is_refused.wait(timeout=20)
        asked.append("other")
        if asked.count("other") == 8:
            others_are_done.set()
        return page_of([{"id": number} for number in range(8)], query)

    api.routes |= {"/job_types": refuse, "/campaigns": answer, "/employees": answer_of_another}
    specs = [
        StreamSpec(name=name, list_path=f"/{module}/v2/tenant/{{tenant}}/{name}")
        for module, name in (("a", "job_types"), ("a", "campaigns"), ("b", "employees"))
    ]
    run = sync(api.config | {"page_size": 2}, specs=specs)
    assert run.error is None
    # Two passes over four pages of the other module, and then the one again that was refused.
    assert asked == ["refused", *["other"] * 8, "refused"]


def test_a_storm_of_refusals_costs_few_requests(api: ScriptedApi, sync: Sync) -> None:
    times: list[float] = []

    def stormy(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        times.append(time.monotonic())
        if times[-1] < times[0] + 2:
            return Reply(429)
        return page_of([{"id": number} for number in range(9)], query)

    api.routes |= {f"/{name}": stormy for name in NAMES}
    run = sync(api.config | {"page_size": 3, "max_retries": 8}, specs=LISTS)
    assert run.error is None
    assert len(run.of("ACTIVATE_VERSION")) == len(NAMES)
    # Three pages of each list, and no request is repeated more often than it may be.
    assert len(times) <= (3 + 8) * len(NAMES)


def test_refused_credentials_end_all_streams_at_once(api: ScriptedApi, sync: Sync) -> None:
    release, waited = threading.Event(), threading.Event()

    def slow(query: Query) -> dict[str, Any]:
        if not release.wait(timeout=60):
            waited.set()
        return page_of([{"id": 1}], query)

    api.routes |= {f"/{name}": slow for name in NAMES}
    api.routes |= dict.fromkeys(("/employees", "/business-units", "/customers"), lambda _: Reply(401))
    run = sync(api.config, specs=LISTS)
    assert not waited.is_set()
    release.set()
    assert isinstance(run.error, SignInRefusedError)
    assert run.of("RECORD") == []


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("reads", [True, False])
def test_a_signal_ends_the_run_even_when_nobody_reads_the_output(
    api: ScriptedApi, tmp_path: Path, unbuffered: str, *, reads: bool
) -> None:
    many = [{"id": number, "name": "x" * 1000} for number in range(5000)]
    api.routes |= {"/export/timesheets": lambda _: {"hasMore": False, "continueFrom": "t", "data": many}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(api.config))
    program = f"""
import sys
from tap_servicetitan.__main__ import main
from tap_servicetitan.specs.spec import StreamSpec
from tap_servicetitan.tap import TapServiceTitan
spec = StreamSpec(name="timesheets", export_path="/a/v2/tenant/{{tenant}}/export/timesheets", selected=True)
TapServiceTitan.specs = [spec]
sys.argv = ["tap-servicetitan", "--config", {str(path)!r}]
main()
"""
    command = [sys.executable, "-c", program]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.read(5000 * 1000 if reads else 100_000)
        process.terminate()
        process.wait(timeout=20)
        log = process.stderr.read().decode()
    assert process.returncode == 128 + 15
    assert "Stopped by signal 15" in log
    assert "Traceback" not in log
    assert "Fatal Python error" not in log


def test_the_changes_of_all_streams_come_before_the_full_pass_of_any(api: ScriptedApi, sync: Sync) -> None:
    """A full pass may take longer than the run has. Then the others must not have waited for it."""
    answer = {"hasMore": False, "continueFrom": "t", "data": [{"id": 1}]}
    api.routes |= {f"/export/{name}": lambda _: answer for name in NAMES}
    old = {"continue_from": "s", "full_pass_at": "2020-01-01T00:00:00+00:00", **api.owner}
    state = {"bookmarks": {name: dict(old) for name in NAMES}}
    run = sync(api.config | {"max_concurrent_streams": 2}, specs=FEEDS, state=state)
    assert run.error is None
    passes = [place for place, (_, query) in enumerate(api.requests) if "from" not in query]
    assert len(passes) == len(api.requests) - len(passes) == len(NAMES)
    assert passes[0] >= len(NAMES) - 1  # the last one's changes may be on their way at the same time
