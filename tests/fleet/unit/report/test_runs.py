"""Records and audit logs are joined into runs, and no run is left out."""

from __future__ import annotations

import datetime as dt

from servicetitan_fleet.health.evidence import RunSum
from servicetitan_fleet.report.runs import LAST_RUNS, group_bad_runs, list_runs, next_run
from servicetitan_fleet.state.company_record import RunRecord, RunStatus
from support.fleet.statuses import GOOD, assess, fleet_run, hours_ago

SPENT = {"source": 60.0, "staging": 30.0, "BigQuery": 90.0}


def test_a_run_has_what_its_record_and_its_audit_log_say() -> None:
    inside = RunSum(
        started=hours_ago(2) - dt.timedelta(minutes=4),
        ended=hours_ago(2) - dt.timedelta(minutes=1),
        rows_read=7,
        bytes_billed=9,
        spent=SPENT,
    )
    by_hand = RunSum(started=hours_ago(5), rows_read=3, bad={"failed": ["jobs"]})
    skipped = RunSum(started=hours_ago(1), bad={"skipped": ["leads"]})
    company = assess(
        [GOOD], [fleet_run(8, RunStatus.KILLED, "no memory"), fleet_run(2)], history=[by_hand, inside, skipped]
    )
    killed, failed, done, incomplete = list_runs(company)
    assert (killed.status, killed.seconds, killed.rows_read, killed.spent) == (RunStatus.KILLED, 300.0, 0, {})
    assert (failed.status, failed.seconds, failed.rows_read, failed.execution) == (RunStatus.FAILED, None, 3, "")
    assert (done.status, done.rows_read, done.bytes_billed, done.execution) == (RunStatus.DONE, 7, 9, "e2")
    # The minute after the last stream is BigQuery's, and the rest of five minutes the start.
    assert done.spent == {"source": 60.0, "staging": 30.0, "BigQuery": 150.0, "start": 60.0}
    assert (incomplete.status, incomplete.is_bad) == (RunStatus.INCOMPLETE, True)


def test_the_newest_runs_are_shown() -> None:
    company = assess([GOOD], [fleet_run(hours) for hours in range(40, 0, -1)])
    runs = list_runs(company)
    assert len(runs) == LAST_RUNS
    assert runs[-1].execution == "e1"


def test_bad_runs_in_a_row_with_one_reason_are_one_entry() -> None:
    company = assess(
        [GOOD],
        [
            fleet_run(9, RunStatus.FAILED, "refused"),
            fleet_run(8),
            *(fleet_run(hours, RunStatus.FAILED, "refused") for hours in (7, 6, 5)),
            fleet_run(4, RunStatus.KILLED, "no memory"),
        ],
    )
    found = [(group.count, group.newest.reason, group.newest.execution) for group in group_bad_runs(list_runs(company))]
    assert found == [(1, "no memory", "e4"), (3, "refused", "e5"), (1, "refused", "e9")]


def test_a_run_of_one_company_by_hand_does_not_move_the_schedule() -> None:
    every = dt.timedelta(hours=6)

    def run(execution: str, hours: float) -> RunRecord:
        return RunRecord(execution=execution, started=hours_ago(hours), ended=hours_ago(0), status=RunStatus.DONE)

    assert next_run([run("night", 5.0), run("night", 4.9), run("by-hand", 1)], every) == hours_ago(-1)
    assert next_run([], every) is None
