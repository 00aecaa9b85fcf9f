"""The first real cause is found in the lines that Meltano and the plugins write when a run fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from servicetitan_fleet.meltano.error_collector import ErrorCollector
from servicetitan_fleet.meltano.log_lines import LogLine, Source, parse_line

LOGS = Path(__file__).parent / "logs"
"""What Meltano 4.4.1 wrote in real runs. Times, numbers and most of its own lines are left out."""

TAP, TARGET = "tap-servicetitan", "target-bigquery-softdelete"


def collect(*lines: LogLine) -> ErrorCollector:
    errors = ErrorCollector()
    for line in lines:
        errors.add(line)
    return errors


def error(message: str, plugin: str = TAP, source: Source = Source.PLUGIN) -> LogLine:
    return LogLine(message=message, severity="ERROR", plugin=plugin, source=source)


def of_meltano(message: str) -> LogLine:
    return error(message, "", Source.MELTANO)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (
            "discovery_refused",
            (
                "tap-servicetitan: the sign-in for tenant 123 was refused (invalid_client): check client_id, "
                "client_secret and environment"
            ),
        ),
        (
            "sign_in_refused",
            (
                "tap-servicetitan: the sign-in for tenant 123 was refused (invalid_client): check client_id, "
                "client_secret and environment"
            ),
        ),
        (
            # A report that is not selected could not be discovered either. The run went on, so that is not the cause.
            "discovery_goes_on",
            (
                "tap-servicetitan: activities: failed: GET /timesheets/v2/tenant/123/export/activities: no connection "
                "to 127.0.0.1:9, after 1 retry"
            ),
        ),
        (
            "stream_unavailable",
            (
                "tap-servicetitan: activities: failed: GET /timesheets/v2/tenant/123/export/activities: 503 Service "
                "Unavailable: Service Unavailable, trace id 793416d8a921fd4e146b626f007b7def, after 1 retry"
            ),
        ),
        (
            "nothing_readable",
            (
                "tap-servicetitan: tenant 123 lets the app read none of the 2 streams: check tenant_id, app_key and "
                "the app's scopes"
            ),
        ),
        ("setting_refused", "invalid literal for int() with base 10: 'many'"),
    ],
)
def test_the_cause_is_found_in_a_real_log(log: str, reason: str) -> None:
    lines = [parse_line(raw) for raw in (LOGS / f"{log}.jsonl").read_bytes().splitlines()]
    assert collect(*filter(None, lines)).reason == reason


def test_the_first_real_error_of_each_plugin_counts_and_each_text_once() -> None:
    found = collect(
        of_meltano("No such thing"),
        error("jobs: failed:\n 503"),
        error("calls: failed: 404"),
        error("jobs: failed: 503", TARGET),
        error("2 of 7 streams failed: jobs, calls"),
        of_meltano("Extractor and loader failed"),
    )
    assert found.reason == found.cause == "tap-servicetitan: jobs: failed: 503"
    found.add(error("Access Denied", "a-mapper"))
    assert found.reason == "tap-servicetitan: jobs: failed: 503 | a-mapper: Access Denied"
    assert not collect(LogLine(message="not an error", plugin=TAP, source=Source.PLUGIN)).reason


@pytest.mark.parametrize(
    "summary",
    [
        "1 of 19 streams failed: activities: 503",
        "1 of 1 stream is incomplete: activities: rows moved",
        "3 things went wrong: see the lines above, and the table `etl_logs`.",
    ],
)
def test_a_summary_is_no_cause_but_better_than_nothing(summary: str) -> None:
    found = collect(error(summary), of_meltano("Loader failed"), of_meltano("Block run completed"))
    assert (found.cause, found.reason) == ("", f"{TAP}: {summary}")
    found.add(error("activities: failed: 503"))
    assert found.reason == "tap-servicetitan: activities: failed: 503"


def test_an_error_in_discovery_is_no_cause_once_the_plugin_runs() -> None:
    discovery = error("sales: the report could not be discovered: 404", source=Source.DISCOVERY)
    assert collect(discovery).cause == f"{TAP}: {discovery.message}"
    runs = LogLine(message="tap-servicetitan v1", plugin=TAP, source=Source.PLUGIN)
    found = collect(discovery, runs, error("1 of 2 streams is incomplete: jobs"))
    assert (found.cause, found.reason) == ("", f"{TAP}: 1 of 2 streams is incomplete: jobs")


def test_a_plugin_that_crashes_without_a_log_is_understood() -> None:
    traceback = ["Traceback (most recent call last):", "  x()", "ImportError: no module x"]
    plain = [LogLine(message=text, plugin=TAP, source=Source.PLAIN) for text in traceback]
    assert collect(*plain, of_meltano("Extractor failed")).reason == "tap-servicetitan: ImportError: no module x"

    start = "Cannot start plugin tap-servicetitan: Catalog discovery failed"
    command = "command ['/venv/bin/tap-servicetitan', '--discover'] returned 1 with stderr:\n"
    quoted = of_meltano(f"{start}: {command} " + "\n".join(traceback) + "\n")
    assert collect(quoted, of_meltano("Block run completed")).reason == f"{start}: ImportError: no module x"
    assert collect(of_meltano(f"{start}: {command} ")).reason == f"{start}: exit code 1"
    assert collect(of_meltano("it is\n already running")).reason == "it is already running"
