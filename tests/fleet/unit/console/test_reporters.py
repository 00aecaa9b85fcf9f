"""What the reporters say of a company whose streams ended in different ways."""

from __future__ import annotations

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
    console = Console(width=150)
    with console.capture() as captured:
        console.print(outcome_table([LOST, WELL]))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in captured.get().splitlines() if "│" in line]
    assert rows == [
        ["acme", "incomplete", "0.0 s", "calls: skipped: 403 Forbidden; not available: forms"],
        ["bell", "done", "1 min 01 s", "not available: forms"],
    ]


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

    console = Console(width=150)
    with console.capture() as captured:
        console.print(outcome_table([TIMED, WELL], [("dale", 7, "jobs: page 3")]))
    lines = [line for line in captured.get().splitlines() if line[0] in "┃│"]
    rows = [[cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in lines]
    assert rows == [
        ["company", "result", "took", "source", "staging", "BigQuery", "start", "why"],
        ["cole", "done", "1 min 24 s", "0:50", "0:08", "0:21", "0:05", ""],
        ["bell", "done", "1 min 01 s", "", "", "", "", "not available: forms"],
        ["dale", "running", "7.0 s", "", "", "", "", "jobs: page 3"],
    ]
