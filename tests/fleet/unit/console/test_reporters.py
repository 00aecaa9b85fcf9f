"""What the reporters say of a company whose streams ended in different ways."""

from __future__ import annotations

import dataclasses
import io
import json

from rich.console import Console

from servicetitan_fleet.console.reporters import JsonReporter, PlainReporter, outcome_table
from servicetitan_fleet.fleet.outcome import Ending, Outcome, Result, StreamEnding
from servicetitan_fleet.fleet.time_spent import TimeSpent
from servicetitan_fleet.state.execution import Execution

STREAMS = [
    StreamEnding(stream="jobs", ending=Ending.SUCCESS),
    StreamEnding(stream="calls", ending=Ending.SKIPPED, reason="403 Forbidden"),
    StreamEnding(stream="forms", ending=Ending.NOT_AVAILABLE, reason="404"),
]
LOST = Outcome(company_id="acme", result=Result.INCOMPLETE, reason="calls: skipped: 403 Forbidden", streams=STREAMS)
SPENT = TimeSpent(source=50.04, staging=8, bigquery=21, start=5)
TIMED = Outcome(company_id="cole", result=Result.DONE, seconds=84.04, spent=SPENT)
WELL = Outcome(company_id="bell", result=Result.DONE, seconds=61, streams=[STREAMS[0], STREAMS[2]])


def test_json_lines_have_the_streams_by_how_they_ended() -> None:
    output = io.StringIO()
    reporter = JsonReporter(Execution(name="e"), output)
    reporter.on_end(LOST)
    reporter.on_end(WELL)
    reporter.on_finish([LOST, WELL], "summary")
    lost, well, last = (json.loads(line) for line in output.getvalue().splitlines())
    assert (lost["severity"], lost["result"], lost["reason"]) == ("ERROR", "incomplete", LOST.reason)
    assert lost["streams"] == {"success": 1, "skipped": {"calls": "403 Forbidden"}, "not available": {"forms": "404"}}
    assert (well["severity"], well["message"]) == ("INFO", "done after 1 min 01 s: not available: forms")
    # The last line is one for all companies, and must not grow with their streams.
    assert last["companies"]["acme"] == {"result": "incomplete", "seconds": 0.0, "reason": LOST.reason}
    assert last["severity"] == "ERROR"


def test_people_see_the_reason_and_what_is_not_available() -> None:
    output = io.StringIO()
    PlainReporter(output).on_end(LOST)
    said = "incomplete after 0.0 s: calls: skipped: 403 Forbidden; not available: forms"
    assert output.getvalue().endswith(f" {said}\n")
    assert shown([LOST, WELL], 150) == [
        "company result took",
        "acme incomplete 0.0 s",
        "bell done 1 min 01 s",
        "acme calls: skipped: 403 Forbidden; not available: forms",
        "bell not available: forms",
    ]


def shown(outcomes: list[Outcome], width: int, running: list[tuple[str, float, str]] | None = None) -> list[str]:
    """Return the lines of the table of outcomes, with single blanks."""
    console = Console(width=width)
    with console.capture() as captured:
        console.print(outcome_table(outcomes, running or [], width=width))
    lines = captured.get().splitlines()
    assert all(len(line) <= width for line in lines)
    return [" ".join(line.split()) for line in lines if line.strip(" ─")]


def test_nothing_is_cut_in_a_narrow_terminal_but_what_running_companies_say() -> None:
    company_id = "a-company-with-a-rather-long-name"
    reason = f"[jobs] {'GET /tenant/1/jobs: 503 Service Unavailable, ' * 5}trace id {'0' * 70}"
    failed = dataclasses.replace(TIMED, company_id=company_id, result=Result.TIMED_OUT, reason=reason)
    lines = shown([failed], 80, [("dale", 7, "jobs: page 3 " * 20)])
    assert lines[:3] == ["company result took", f"{company_id} timed out 1 min 24 s", "dale running 7.0 s"]
    assert lines[3].startswith(f"{company_id} [jobs] GET")
    said = " ".join(lines[3:-1]).removeprefix(f"{company_id} ")
    assert said.replace(" ", "") == reason.replace(" ", "")
    assert lines[-1].startswith("dale jobs: page 3")
    assert lines[-1].endswith("…")


def test_where_the_time_went_is_in_every_form() -> None:
    output = io.StringIO()
    PlainReporter(output).on_end(TIMED)
    said = "done after 1:24 = source 0:50, staging 0:08, BigQuery 0:21, start 0:05"
    assert output.getvalue().endswith(f" {said}\n")

    output = io.StringIO()
    reporter = JsonReporter(Execution(name="e"), output)
    reporter.on_end(TIMED)
    reporter.on_finish([TIMED, WELL], "summary")
    ended, last = (json.loads(line) for line in output.getvalue().splitlines())
    assert ended["message"] == said
    assert ended["spent"] == {"source": 50.0, "staging": 8, "bigquery": 21, "start": 5}
    assert last["companies"]["cole"]["spent"] == ended["spent"]
    assert "spent" not in last["companies"]["bell"]

    assert shown([TIMED, WELL], 150, [("dale", 7, "jobs: page 3")]) == [
        "company result took source staging BigQuery start",
        "cole done 1 min 24 s 0:50 0:08 0:21 0:05",
        "bell done 1 min 01 s",
        "dale running 7.0 s",
        "bell not available: forms",
        "dale jobs: page 3",
    ]
