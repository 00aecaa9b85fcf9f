"""Days of a report that give trouble: they hold up no other, and no row of them is forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import Query, Reply, ScriptedApi

if TYPE_CHECKING:
    from support.tap.harness import Run, Sync

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""The time by the API's clock: these tests hold at midnight, too."""
REPORT = "/report-category/sales/reports/1"
DAYS = [str(NOON.date() - timedelta(days=ago)) for ago in (3, 2, 1, 0)]


class DailyReport:
    """A report with one column, whose rows a test sets day by day."""

    def __init__(self, api: ScriptedApi) -> None:
        self.api = api
        api.now = NOON
        self.rows = dict.fromkeys(DAYS, 2)
        self.totals: dict[str, int] = {}
        """Totals that are not true."""
        self.runs: list[str] = []
        api.routes[REPORT] = lambda _: {
            "id": 1,
            "name": "Sales",
            "parameters": [
                {"name": name, "label": name, "dataType": "Date", "isArray": False, "isRequired": True}
                for name in ("From", "To")
            ],
            "fields": [{"name": "Amount", "label": "Amount", "dataType": "Number"}],
        }
        api.routes[f"{REPORT}/data"] = self.run

    def run(self, query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        """Return the rows of a day."""
        day = json.loads(query["body"])["parameters"][0]["value"]
        self.runs.append(day)
        count = self.rows[day]
        return {
            "hasMore": False,
            "totalCount": self.totals.get(day, count),
            "fields": [{"name": "Amount", "label": "Amount"}],
            "data": [[number] for number in range(count)],
        }

    def sync(self, sync: Sync, state: dict[str, Any] | None = None, **dates: Any) -> Run:  # noqa: ANN401 - any setting
        """Read the report."""
        setting = {
            "name": "sales",
            "category": "sales",
            "id": 1,
            "date_range": {"start": DAYS[0], "lookback_days": 1, **dates},
        }
        self.runs.clear()
        config = self.api.config | {"reports": [setting], "report_interval_seconds": 0, "max_retries": 0}
        return sync(config, "sales", state=state)


@pytest.fixture
def report(api: ScriptedApi) -> DailyReport:
    """A report."""
    return DailyReport(api)


def bookmark(run: Run) -> dict[str, Any]:
    mark: dict[str, Any] = run.state["bookmarks"]["sales"]
    return mark


def marked(run: Run) -> list[tuple[str, int]]:
    """Return the places that a run marked deleted."""
    return [
        (record["_report_date"], record["_position"])
        for record in run.records("sales")
        if record.get("_sdc_deleted_at")
    ]


@pytest.mark.parametrize("trouble", ["missing", "down"])
def test_a_day_that_cannot_be_read_holds_up_no_other(report: DailyReport, sync: Sync, trouble: str) -> None:
    if trouble == "missing":
        report.totals[DAYS[1]] = 5
    else:
        whole = report.run
        report.api.routes[f"{REPORT}/data"] = lambda query: Reply(503) if DAYS[1] in query["body"] else whole(query)
    run = report.sync(sync)
    assert str(run.error) == "1 of 1 stream is incomplete: sales"
    assert set(report.runs) >= {DAYS[0], DAYS[2], DAYS[3]}
    assert bookmark(run)["last_day"] == DAYS[2]
    assert bookmark(run)["missed"] == [DAYS[1]]

    report.totals.clear()
    report.api.routes[f"{REPORT}/data"] = report.run
    rest = report.sync(sync, run.state)
    assert rest.error is None
    assert report.runs == [DAYS[1], DAYS[2], DAYS[3]]
    assert "missed" not in bookmark(rest)


def test_rows_of_a_pass_that_did_not_fit_are_marked_later(report: DailyReport, sync: Sync) -> None:
    first = report.sync(sync)
    report.rows[DAYS[2]], report.totals[DAYS[2]] = 4, 9
    second = report.sync(sync, first.state)
    assert second.error
    report.rows[DAYS[2]] = 1
    report.totals.clear()
    third = report.sync(sync, second.state)
    assert third.error is None
    assert marked(third) == [(DAYS[2], 1), (DAYS[2], 2), (DAYS[2], 3)]


def test_rows_of_a_run_that_was_killed_are_marked_later(report: DailyReport, sync: Sync) -> None:
    first = report.sync(sync)
    report.rows[DAYS[2]] = 4
    second = report.sync(sync, first.state)
    # The rows reached the table; the state after them did not reach Meltano.
    days = [message.get("record", {}).get("_report_date") for message in second.messages]
    last_row = len(days) - 1 - days[::-1].index(DAYS[2])
    state = [message["value"] for message in second.messages[:last_row] if message["type"] == "STATE"][-1]
    report.rows[DAYS[2]] = 2
    third = report.sync(sync, state)
    assert marked(third) == [(DAYS[2], 2), (DAYS[2], 3)]


def test_nothing_where_there_was_something_needs_a_second_look(report: DailyReport, sync: Sync) -> None:
    first = report.sync(sync)
    report.rows[DAYS[2]] = 0
    whole = report.run

    def recover(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        answer = whole(query)
        report.rows[DAYS[2]] = 2
        return answer

    report.api.routes[f"{REPORT}/data"] = recover
    once = report.sync(sync, first.state)
    assert once.error is None
    assert marked(once) == []
    assert report.runs == [DAYS[2], DAYS[2], DAYS[3]]

    report.api.routes[f"{REPORT}/data"] = whole
    report.rows[DAYS[2]] = 0
    twice = report.sync(sync, once.state)
    assert marked(twice) == [(DAYS[2], 0), (DAYS[2], 1)]
    assert report.runs == [DAYS[2], DAYS[2], DAYS[3]]


def test_a_limit_below_the_look_back_gets_on(report: DailyReport, sync: Sync) -> None:
    run = report.sync(sync, lookback_days=2, most_days=1)
    seen = list(report.runs)
    for _ in range(3):
        run = report.sync(sync, run.state, lookback_days=2, most_days=1)
        seen += report.runs
    assert set(seen) == set(DAYS)


def test_a_start_that_is_moved_back(report: DailyReport, sync: Sync) -> None:
    late = report.sync(sync, start=DAYS[2])
    assert report.runs == DAYS[2:]
    early = report.sync(sync, late.state, start=DAYS[0])
    assert report.runs == [*DAYS[2:], DAYS[1], DAYS[0]]
    assert bookmark(early)["first_day"] == DAYS[0]
    report.sync(sync, early.state, start=DAYS[0])
    assert report.runs == DAYS[2:]


def test_a_day_to_come_in_the_state_is_not_believed(
    report: DailyReport, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    state = report.sync(sync).state
    bookmark_of_the_stream = state["bookmarks"]["sales"]
    bookmark_of_the_stream["last_day"] = "2099-01-01"
    run = report.sync(sync, state)
    assert run.error is None
    assert report.runs == DAYS
    assert "sales: its bookmark is not used, so it is read from its start: last_day is still to come" in caplog.text
