"""Lines of Meltano's log are parsed, and secrets in them masked."""

from __future__ import annotations

import io
import json

import pytest

from servicetitan_fleet.console.reporters import PlainReporter
from servicetitan_fleet.fleet.outcome import Outcome, Result
from servicetitan_fleet.meltano.log_lines import LONGEST_BEGINNING, LONGEST_LINE, LogLine, Source, parse_line
from servicetitan_fleet.plugin_runtime.redaction import register_secrets


def line(event: str, level: str = "info", **fields: object) -> LogLine:
    parsed = parse_line(json.dumps({"event": event, "level": level, **fields}).encode())
    assert parsed
    return parsed


def test_a_line_has_severity_plugin_stream_and_run() -> None:
    target = {"string_id": "target-bigquery-softdelete", "plugin_logger": "target-bigquery-softdelete", "run_id": "r"}
    assert line("jobs: read 3, inserted 3", "warning", **target) == LogLine(
        message="jobs: read 3, inserted 3",
        severity="WARNING",
        plugin="target-bigquery-softdelete",
        stream="jobs",
        run_id="r",
        source=Source.PLUGIN,
    )
    assert line("Reading jobs", plugin_logger="tap-servicetitan.jobs").stream == "jobs"
    assert not line("Meltano: hello").stream
    assert parse_line(b'{"event": "METRIC", "metric_info": {}}') is None
    assert parse_line(b"  ") is None
    assert parse_line(b"Segmentation fault") == LogLine(message="Segmentation fault")
    assert parse_line(b'["no", "object"]') == LogLine(message='["no", "object"]')
    assert parse_line(b"\xff") == LogLine(message="\N{REPLACEMENT CHARACTER}")


def test_a_line_says_who_wrote_it_and_how() -> None:
    tap = {"stdio": "stderr", "name": "tap-servicetitan"}
    found = [
        line("Running catalog discovery"),
        line("jobs: no", "error", **tap, type="discovery", plugin_logger="tap-servicetitan"),
        line("Traceback", **tap, type="discovery"),
        line("jobs: no", "error", **tap, string_id="tap-servicetitan", plugin_logger="tap-servicetitan"),
        line("Traceback", **tap, string_id="tap-servicetitan"),
    ]
    assert [parsed.source for parsed in found] == [
        *(Source.MELTANO, Source.DISCOVERY, Source.DISCOVERY, Source.PLUGIN, Source.PLAIN)
    ]
    assert [parsed.plugin for parsed in found] == ["", *["tap-servicetitan"] * 4]


def test_a_secret_is_masked_everywhere() -> None:
    register_secrets(["s3cr3t-of-log-lines"])
    assert line("it is s3cr3t-of-log-lines").message == "it is ***"
    raw = parse_line(b"it is s3cr3t-of-log-lines")
    assert raw
    assert raw.message == "it is ***"


def test_no_line_of_a_company_steers_the_terminal() -> None:
    assert line("\x1b[2Jcleared", string_id="\x9b1m").message == r"\x1b[2Jcleared"
    raw = parse_line(b"\x1b]0;title\x07")
    assert raw
    assert raw.message == r"\x1b]0;title\x07"
    output = io.StringIO()
    reporter = PlainReporter(output)
    reporter.on_log_line("one", line("first\n00:00:00 two   done"))
    reporter.on_end(Outcome(company_id="one", result=Result.FAILED, reason="a\x1b[31m\nb"))
    assert r"first\n00:00:00 two" in output.getvalue()
    assert len(output.getvalue().splitlines()) == 2
    assert "\x1b" not in output.getvalue()


@pytest.mark.parametrize("before", ["", "x", "é", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("cut_at", [1, 1000, 2500])
def test_a_secret_that_lies_across_the_cut_of_a_long_line_is_not_shown(before: str, cut_at: int) -> None:
    secret = "the-private-key-" + "0123456789" * 250 + "-its-own-end-of-the-private-key"
    register_secrets([secret])
    filler = before * ((LONGEST_LINE - cut_at) // max(1, len(before.encode())))
    text = filler or secret * (LONGEST_LINE // len(secret))
    whole = (text + "y" * (LONGEST_LINE - cut_at - len(text.encode()))).encode() + secret.encode()
    parsed = parse_line(whole[:LONGEST_LINE])
    assert parsed
    assert parsed.message.endswith("the line is longer than 1 MiB)")
    assert "the-p" not in parsed.message
    assert len(parsed.message) < 2 * LONGEST_BEGINNING
    if before == "x":
        assert parsed.message.startswith("x" * LONGEST_BEGINNING)
