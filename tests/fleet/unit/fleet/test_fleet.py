"""What becomes of a run whose end cannot be recorded, and of the companies that a task cannot run."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_fleet.fleet import fleet as fleet_module
from servicetitan_fleet.fleet.fleet import Fleet
from servicetitan_fleet.fleet.outcome import Outcome, Result
from servicetitan_fleet.meltano.process import EndedBy, ProcessExit
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.execution import Execution
from servicetitan_fleet.state.storage import open_storage
from support.fleet.nights.night import make_company, read_success

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servicetitan_fleet.fleet.verdict import AuditLog
    from servicetitan_fleet.registry.company import Company

NIGHT = Execution(name="night")


def run_one(folder: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[], int]) -> tuple[Outcome, Claims]:
    """Run the company `one`, whose process does some work and ends with the exit code that it returns."""

    def run(*_: object, **__: object) -> ProcessExit:
        return ProcessExit(work(), EndedBy.ITSELF)

    monkeypatch.setattr(fleet_module, "CompanyMeltano", lambda **_: SimpleNamespace(run=run))
    claims = Claims(open_storage(folder.as_uri()), NIGHT)
    return make_fleet(claims).run_company(make_company("one")), claims


def make_fleet(claims: Claims, read_log: Callable[..., AuditLog] = read_success) -> Fleet:
    def ignore(*_: object) -> None:
        """Report nothing."""

    context: Any = SimpleNamespace(
        dry_run=False, is_recorded=True, project=None, resolver=SimpleNamespace(resolve=lambda _: {})
    )
    reporter: Any = SimpleNamespace(on_start=ignore, on_end=ignore)
    return Fleet(context, NIGHT, claims, reporter, read_log, timeout_minutes=1)


@pytest.mark.parametrize(
    ("code", "result", "said"),
    [
        (0, Result.FAILED, "its run is done, but could not be recorded: "),
        (1, Result.FAILED, "`meltano run` exited with code 1, but could not be recorded: "),
        (-9, Result.KILLED, "out of memory, or killed by hand, but could not be recorded: "),
    ],
)
def test_a_run_that_cannot_be_recorded_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, result: Result, said: str
) -> None:
    def fill_disk() -> int:
        (tmp_path / "companies/one.json.new").symlink_to("/dev/full")
        return code

    outcome, claims = run_one(tmp_path, monkeypatch, fill_disk)

    assert outcome.result is result
    assert said in outcome.reason
    assert "companies/one.json: No space left on device" in outcome.reason
    assert not claims.read_record("one").is_done("night")


def test_no_process_is_started_under_a_claim_that_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> int:
        pytest.fail("the process was started")

    monkeypatch.setattr("servicetitan_fleet.state.claims.STOP_SECONDS", 180.0)
    outcome, claims = run_one(tmp_path, monkeypatch, never)
    assert outcome.result is Result.STOPPED
    assert "its claim could not be renewed" in outcome.reason
    assert not claims.read_record("one").is_done("night")


def test_companies_that_a_task_cannot_run_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, claims = run_one(tmp_path, monkeypatch, lambda: 0)
    (tmp_path / "companies/bad.json").write_bytes(b"{")

    outcomes = make_fleet(claims).report_gone({"one": "gone", "two": "gone", "bad": "gone"})

    assert [(outcome.result, outcome.reason) for outcome in outcomes[:2]] == [
        (Result.ALREADY_DONE, "this execution has already run it"),
        (Result.NOT_STARTED, "gone"),
    ]
    assert outcomes[2].result is Result.FAILED
    assert "companies/bad.json in the storage is not a valid record" in outcomes[2].reason


def test_while_what_a_run_left_is_read_the_next_company_runs_but_no_more_than_so_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, third_runs = threading.Lock(), threading.Event()
    running: list[str] = []
    most: list[int] = []

    def make_meltano(*, company: Company, **_: object) -> object:
        def run(*_: object, **__: object) -> ProcessExit:
            with lock:
                running.append(company.company_id)
                most.append(len(running))
            if company.company_id == "three":
                third_runs.set()
            time.sleep(0.05)
            with lock:
                running.remove(company.company_id)
            return ProcessExit(0, EndedBy.ITSELF)

        return SimpleNamespace(run=run)

    def read_log(company: Company, _: object) -> AuditLog:
        # The logs of the first two are only read when the third one runs.
        assert company.company_id == "three" or third_runs.wait(60)
        return read_success()

    monkeypatch.setattr(fleet_module, "CompanyMeltano", make_meltano)
    claims = Claims(open_storage(tmp_path.as_uri()), NIGHT)
    fleet = make_fleet(claims, read_log)
    names = ["one", "two", "three", "four", "five"]
    outcomes = fleet.run([make_company(name) for name in names], 2)

    assert [(outcome.company_id, outcome.result) for outcome in outcomes] == [(name, Result.DONE) for name in names]
    assert max(most) <= 2
    assert all(claims.read_record(name).claim is None for name in names)
