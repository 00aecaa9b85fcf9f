"""One process at a time has a company, whatever happens to the others; one execution brings it to a good end once."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.errors import ClaimRefusedError, ConcurrentUpdateError, Refusal
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state import claims as claiming
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.company_record import Ending, RunRecord
from servicetitan_fleet.state.execution import Execution
from servicetitan_fleet.state.storage import NOTHING, Storage, open_storage

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.processes import CloudStorage

_folders = itertools.count(1)


@pytest.fixture(params=["folder", "bucket"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, cloud_storage: CloudStorage, monkeypatch: pytest.MonkeyPatch
) -> Storage:
    """A storage of either kind."""
    if request.param == "folder":
        return open_storage(tmp_path.as_uri())
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud_storage.api_endpoint)
    return open_storage(f"gs://{cloud_storage.bucket}/claims-{next(_folders)}")


def lost() -> None:
    raise AssertionError("the claim was lost")


def ended(execution: str, ending: Ending = Ending.DONE) -> RunRecord:
    started = utc_now()
    return RunRecord(execution=execution, started=started, ended=started + dt.timedelta(seconds=5), ending=ending)


def claim(storage: Storage, execution: Execution, company_id: str = "one") -> None:
    """Claim a company and give it back."""
    with Claims(storage, execution).claimed(company_id, lost):
        pass


def test_a_writer_who_has_not_seen_the_last_word_is_refused(storage: Storage) -> None:
    assert storage.read("a/b.json") == NOTHING
    first = storage.replace("a/b.json", b"one", 0)
    assert storage.read("a/b.json") == (b"one", first)
    with pytest.raises(ConcurrentUpdateError):
        storage.replace("a/b.json", b"two", 0)
    second = storage.replace("a/b.json", b"two", first)
    with pytest.raises(ConcurrentUpdateError):
        storage.replace("a/b.json", b"three", first)
    assert storage.read("a/b.json") == (b"two", second)


def test_of_many_processes_one_has_the_company(storage: Storage) -> None:
    barrier, refused = threading.Barrier(6), threading.Semaphore(0)

    def compete(number: int) -> bool:
        mine = Claims(storage, Execution(name="night", task=number, tasks=6))
        barrier.wait()
        try:
            with mine.claimed("one", lost):
                # It holds on until all others have been refused.
                return all(refused.acquire(timeout=20) for _ in range(5))
        except ClaimRefusedError as error:
            refused.release()
            return error.refusal is not Refusal.BUSY

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(compete, range(6))) == 1


def test_an_execution_runs_a_company_to_a_good_end_once(storage: Storage) -> None:
    for ending in (Ending.FAILED, Ending.DONE):  # a failed one may be tried again
        with Claims(storage, Execution(name="night")).claimed("one", lost) as claimed:
            claimed.finish(ended("night", ending))
    with pytest.raises(ClaimRefusedError, match="this execution has run it already"):
        claim(storage, Execution(name="night", attempt=1))
    morning = Claims(storage, Execution(name="morning"))
    assert morning.record("one").seconds_before("morning") == 5
    assert morning.record("one").seconds_before("night") is None
    claim(storage, Execution(name="morning"))
    assert morning.record("one").claim is None
    assert [run.ending for run in morning.record("one").runs] == [Ending.FAILED, Ending.DONE]


def test_the_next_attempt_of_a_task_takes_over_what_the_last_one_left(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    killed = Claims(storage, Execution(name="night", task=2, tasks=4))
    killed.change("one", killed.taken)  # and it gives nothing back
    for other in (
        Execution(name="night", task=2, tasks=4),
        Execution(name="night", task=1, tasks=4, attempt=1),
        Execution(name="morning", task=2, tasks=4, attempt=1),
    ):
        with pytest.raises(ClaimRefusedError, match="another process runs it: night/2/0/"):
            claim(storage, other)
    claim(storage, Execution(name="night", task=2, tasks=4, attempt=1))


def test_a_claim_is_renewed_and_ends_by_itself_and_who_lost_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "LIFETIME", dt.timedelta(seconds=1))
    monkeypatch.setattr(claiming, "RENEWAL_SECONDS", 0.2)
    storage = open_storage(tmp_path.as_uri())
    told = threading.Event()
    with Claims(storage, Execution(name="night")).claimed("one", told.set):
        assert not told.wait(1.5)
        with pytest.raises(ClaimRefusedError):
            claim(storage, Execution(name="morning"))
        # As if this process had stood still for so long that its claim ended, and another one had come.
        other = Claims(storage, Execution(name="morning"))
        other.change("one", lambda record: other.taken(other.released(type(record)(runs=record.runs))))
        assert told.wait(5)
    assert other.holds(other.record("one"))  # who lost it does not give it back
    assert not threading.Event().wait(1.1)
    claim(storage, Execution(name="evening"))


def test_a_storage_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "companies").write_text("in the way")
    with pytest.raises(PluginError, match=r"companies/one\.json: "):
        claim(open_storage(tmp_path.as_uri()), Execution(name="night"))
    with pytest.raises(PluginError, match="neither `file:///folder` nor `gs://bucket/folder`"):
        open_storage("s3://bucket")
