"""Only one process runs a company at a time, and an execution runs it successfully only once."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.errors import ClaimRefusedError, ConcurrentUpdateError, Refusal
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state import claims as claims_module
from servicetitan_fleet.state.claims import Claims
from servicetitan_fleet.state.company_record import RunRecord, RunStatus
from servicetitan_fleet.state.execution import Execution
from servicetitan_fleet.state.storage import NOTHING, FolderStorage, Storage, StoredObject, open_storage
from servicetitan_fleet.state.storage_clock import UNKNOWN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servicetitan_sandbox.client.processes import CloudStorage

_folders = itertools.count(1)


@pytest.fixture(params=["folder", "bucket"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, cloud_storage: CloudStorage, monkeypatch: pytest.MonkeyPatch
) -> Storage:
    """A storage of each kind."""
    if request.param == "folder":
        return open_storage(tmp_path.as_uri())
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud_storage.api_endpoint)
    return open_storage(f"gs://{cloud_storage.bucket}/claims-{next(_folders)}")


def ended(execution: str, status: RunStatus = RunStatus.DONE) -> RunRecord:
    started = utc_now()
    return RunRecord(execution=execution, started=started, ended=started + dt.timedelta(seconds=5), status=status)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def claim(storage: Storage, execution: Execution, company_id: str = "one") -> None:
    """Claim a company and release it."""
    with Claims(storage, execution).hold(company_id):
        pass


def test_a_writer_with_an_old_generation_is_refused(storage: Storage) -> None:
    assert storage.read("a/b.json") == NOTHING
    first = storage.replace("a/b.json", b"one", 0)
    assert storage.read("a/b.json") == (b"one", first)
    with pytest.raises(ConcurrentUpdateError):
        storage.replace("a/b.json", b"two", 0)
    second = storage.replace("a/b.json", b"two", first)
    with pytest.raises(ConcurrentUpdateError):
        storage.replace("a/b.json", b"three", first)
    assert storage.read("a/b.json") == (b"two", second)


def test_a_hundred_readers_keep_their_connections(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    storage.replace("a.json", b"one", 0)
    with ThreadPoolExecutor(100) as pool:
        found = list(pool.map(lambda _: storage.read("a.json").content, range(200)))
    assert found == [b"one"] * 200
    assert not [record.getMessage() for record in caplog.records if record.name.startswith("urllib3")]


def test_one_of_many_processes_gets_the_company(storage: Storage) -> None:
    barrier, refused = threading.Barrier(6), threading.Semaphore(0)

    def compete(number: int) -> bool:
        mine = Claims(storage, Execution(name="night", task=number, tasks=6))
        barrier.wait()
        try:
            with mine.hold("one"):
                # It keeps the claim until all others have been refused.
                return all(refused.acquire(timeout=20) for _ in range(5))
        except ClaimRefusedError as error:
            refused.release()
            return error.refusal is not Refusal.BUSY

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(compete, range(6))) == 1


def test_an_execution_runs_a_company_successfully_only_once(storage: Storage) -> None:
    for status in (RunStatus.FAILED, RunStatus.DONE):  # a failed run may be repeated
        with Claims(storage, Execution(name="night")).hold("one") as claimed:
            claimed.finish(ended("night", status))
    with pytest.raises(ClaimRefusedError, match="this execution has already run it"):
        claim(storage, Execution(name="night", attempt=1))
    morning = Claims(storage, Execution(name="morning"))
    assert morning.read_record("one").seconds_before("morning") == 5
    assert morning.read_record("one").seconds_before("night") is None
    claim(storage, Execution(name="morning"))
    assert morning.read_record("one").claim is None
    assert [run.status for run in morning.read_record("one").runs] == [RunStatus.FAILED, RunStatus.DONE]


def test_the_next_attempt_of_a_task_takes_over_the_claims_of_the_last_one(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    killed = Claims(storage, Execution(name="night", task=2, tasks=4))
    killed.update_record("one", killed.add_claim)  # and it never releases its claim
    for other in (
        Execution(name="night", task=2, tasks=4),
        Execution(name="night", task=1, tasks=4, attempt=1),
        Execution(name="morning", task=2, tasks=4, attempt=1),
    ):
        with pytest.raises(ClaimRefusedError, match="another process is running it: night/2/0/"):
            claim(storage, other)
    claim(storage, Execution(name="night", task=2, tasks=4, attempt=1))


def test_a_claim_is_renewed_and_expires_and_its_holder_is_told_of_the_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "LIFETIME", dt.timedelta(seconds=1))
    monkeypatch.setattr(claims_module, "RENEWAL_SECONDS", 0.2)
    monkeypatch.setattr(claims_module, "STOP_SECONDS", 0.3)
    storage = open_storage(tmp_path.as_uri())
    with Claims(storage, Execution(name="night")).hold("one") as held:
        time.sleep(1.5)
        assert not held.is_lost
        with pytest.raises(ClaimRefusedError):
            claim(storage, Execution(name="morning"))
        # As if this process had paused until its claim expired, and another process had taken over.
        other = Claims(storage, Execution(name="morning"))
        other.update_record("one", lambda record: other.add_claim(other.remove_claim(type(record)(runs=record.runs))))
        wait_until(lambda: held.is_lost)
    assert other.is_holder(other.read_record("one"))  # a process that lost its claim does not release it
    assert not threading.Event().wait(1.1)
    claim(storage, Execution(name="evening"))


class Hanging(FolderStorage):
    """A folder that stops to answer."""

    is_stuck = False

    @override
    def read(self, name: str) -> StoredObject:
        if self.is_stuck:
            threading.Event().wait(60)
        return super().read(name)


def test_a_claim_is_lost_before_it_expires_even_if_the_storage_never_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "LIFETIME", dt.timedelta(seconds=2))
    monkeypatch.setattr(claims_module, "RENEWAL_SECONDS", 0.2)
    monkeypatch.setattr(claims_module, "STOP_SECONDS", 1.0)
    storage = Hanging(tmp_path)
    with Claims(storage, Execution(name="night")).hold("one") as held:
        storage.is_stuck = True
        wait_until(lambda: held.is_lost)
        claim_now = Claims(FolderStorage(tmp_path), Execution(name="morning")).read_record("one").claim
        assert claim_now
        assert claim_now.expires > utc_now()
        storage.is_stuck = False


def test_an_error_that_nobody_expected_loses_no_renewal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "RENEWAL_SECONDS", 0.1)
    monkeypatch.setattr(claims_module, "RETRY_SECONDS", 0.1)
    storage, claims = open_storage(tmp_path.as_uri()), Claims(open_storage(tmp_path.as_uri()), Execution(name="night"))
    with claims.hold("one"):
        first = claims.read_record("one").claim
        with monkeypatch.context() as patch:
            patch.setattr(FolderStorage, "replace", lambda *_: 1 / 0)
            time.sleep(0.5)
        wait_until(lambda: Claims(storage, Execution(name="other")).read_record("one").claim != first)


def test_the_holder_whose_processes_have_ended_is_known(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    killed = Claims(storage, Execution(name="night"))
    killed.update_record("one", killed.add_claim)  # and it never releases its claim
    with Claims(storage, Execution(name="night", attempt=1)).hold("one") as held:
        assert held.previous_holder == killed.holder
        held.finish(ended("night", RunStatus.KILLED))
    with Claims(storage, Execution(name="night", attempt=2)).hold("one") as after:
        assert after.previous_holder == held.holder
        assert after.holder not in ("", held.holder, killed.holder)
    with Claims(storage, Execution(name="night")).hold("two") as first:
        assert first.previous_holder == ""


def test_a_run_that_cannot_be_recorded_is_not_taken_for_recorded(tmp_path: Path) -> None:
    claims = Claims(open_storage(tmp_path.as_uri()), Execution(name="night"))
    with claims.hold("one") as held:
        (tmp_path / "companies/one.json.new").symlink_to("/dev/full")
        with pytest.raises(PluginError, match=r"cannot write .*companies/one\.json: No space left on device"):
            held.finish(ended("night"))
    assert not claims.read_record("one").is_done("night")
    assert claims.read_record("one").claim is None


@pytest.mark.parametrize("content", [b"", b'{"runs": [{"exec'])
def test_an_unreadable_record_is_named_and_never_overwritten(storage: Storage, content: bytes) -> None:
    storage.replace("companies/bad.json", content, 0)
    with pytest.raises(PluginError, match=r"^bad: companies/bad\.json in the storage is not a valid record.*Move it"):
        claim(storage, Execution(name="night"), "bad")
    assert storage.read("companies/bad.json").content == content


def test_a_bucket_tells_its_time(storage: Storage) -> None:
    storage.read("companies/one.json")
    earliest, latest = storage.time()
    assert earliest - dt.timedelta(seconds=2) <= utc_now() <= latest + dt.timedelta(seconds=2)
    assert latest - earliest < dt.timedelta(seconds=2 * UNKNOWN_SECONDS)  # the answer had a `Date`


def test_a_storage_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "companies").write_text("in the way")
    with pytest.raises(PluginError, match=r"companies/one\.json: "):
        claim(open_storage(tmp_path.as_uri()), Execution(name="night"))
    with pytest.raises(PluginError, match="neither `file:///folder` nor `gs://bucket/folder`"):
        open_storage("s3://bucket")
