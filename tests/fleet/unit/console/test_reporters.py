"""What the reporters say of a company whose streams ended in different ways."""

from __future__ import annotations

import io
import json

from rich.console import Console

from servicetitan_fleet.console.reporters import JsonReporter, PlainReporter, outcome_table
from servicetitan_fleet.fleet.outcome import Ending, Outcome, Result, StreamEnding
from servicetitan_fleet.state.execution import Execution

STREAMS = [
    StreamEnding(stream="jobs", ending=Ending.SUCCESS),
    StreamEnding(stream="calls", ending=Ending.SKIPPED, reason="403 Forbidden"),
    StreamEnding(stream="forms", ending=Ending.NOT_AVAILABLE, reason="404"),
]
LOST = Outcome(company_id="acme", result=Result.INCOMPLETE, reason="calls: skipped: 403 Forbidden", streams=STREAMS)
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
