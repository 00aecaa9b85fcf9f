"""A terminal that was closed stops no company, and is told once at the end."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from servicetitan_fleet.console.reporters import PlainReporter
from servicetitan_fleet.fleet.outcome import Outcome, Result
from servicetitan_fleet.fleet.safe_reporter import SafeReporter
from servicetitan_fleet.meltano.log_lines import LogLine

if TYPE_CHECKING:
    from typing import TextIO

    import pytest

DONE = Outcome(company_id="one", result=Result.DONE)


def report_everything(output: TextIO) -> None:
    reporter = SafeReporter(PlainReporter(output))
    reporter.on_start("one")
    reporter.on_log_line("one", LogLine(message="jobs: 60 rows, caf\u00e9"))
    reporter.on_end(DONE)
    reporter.on_finish([DONE], "1 company: 1 done")


def test_what_a_terminal_cannot_show_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    closed = io.StringIO()
    closed.close()
    report_everything(closed)
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("some of the progress could not be shown (ValueError: I/O operation on closed file)")

    raw = io.BytesIO()
    report_everything(io.TextIOWrapper(raw, encoding="ascii"))
    (told,) = capsys.readouterr().err.splitlines()
    assert "UnicodeEncodeError" in told
    assert b"started" in raw.getvalue()


def test_a_terminal_that_is_well_is_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    report_everything(io.StringIO())
    assert capsys.readouterr().err == ""
