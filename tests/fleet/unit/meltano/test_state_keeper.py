"""States are saved as Meltano saves them, until another run may save its own."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from meltano.core.state_store.filesystem import LocalFilesystemStateStoreManager
from structlog.testing import capture_logs

from servicetitan_fleet.meltano.log_lines import LogLine
from servicetitan_fleet.meltano.saved_state import PROBLEM, StateWatch
from servicetitan_fleet.meltano.state_keeper import StateKeeper

if TYPE_CHECKING:
    from pathlib import Path

    from meltano.core.state_service import StateService

OLD, NEW = {"bookmarks": {"a": 1}}, {"bookmarks": {"b": 2}}


class Stage:
    """A folder of states, and a keeper."""

    def __init__(self, folder: Path, *, is_merged: bool = False) -> None:
        folder.mkdir(exist_ok=True)
        self.store = LocalFilesystemStateStoreManager(uri=folder.as_uri(), lock_timeout_seconds=1)
        service = cast("StateService", SimpleNamespace(state_store_manager=self.store))
        self.keeper = StateKeeper(service, "dev:one", is_merged=is_merged)

    @property
    def state(self) -> Any:  # noqa: ANN401 - any JSON
        """What the next run is given."""
        found = self.store.get("dev:one")
        return json.loads(found.json_merged())["singer_state"] if found else None


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "states")


def test_the_last_state_is_kept(stage: Stage) -> None:
    stage.keeper.save(json.dumps(OLD))
    stage.keeper.save(json.dumps(NEW) + "\n")
    assert stage.state == NEW


def test_states_of_a_full_refresh_are_merged(tmp_path: Path) -> None:
    Stage(tmp_path).keeper.save(json.dumps(OLD))
    stage = Stage(tmp_path, is_merged=True)
    stage.keeper.save(json.dumps(NEW))
    assert stage.state == {"bookmarks": {"a": 1, "b": 2}}


@pytest.mark.parametrize("line", ["{", "{}", "null"])
def test_what_is_no_state_changes_nothing(stage: Stage, line: str) -> None:
    stage.keeper.save(json.dumps(OLD))
    stage.keeper.save(line)
    assert stage.state == OLD


def test_nothing_is_saved_after_the_stop(stage: Stage) -> None:
    stage.keeper.save(json.dumps(OLD))
    stage.keeper.stop()
    stage.keeper.save(json.dumps(NEW))
    assert stage.state == OLD


def test_the_fleet_learns_from_the_log_whether_the_last_state_was_saved(tmp_path: Path) -> None:
    stage, watch = Stage(tmp_path / "states"), StateWatch()
    with capture_logs() as logs:
        stage.keeper.save(json.dumps(OLD))
    assert problem(watch, logs) == ""
    for path in (tmp_path / "states").rglob("*"):
        path.unlink() if path.is_file() else None
    (tmp_path / "states").chmod(0o700)
    blocked = next(path for path in (tmp_path / "states").iterdir())
    blocked.rmdir()
    blocked.touch()  # a file where the folder should be
    with capture_logs() as logs:
        stage.keeper.save(json.dumps(NEW))
    assert problem(watch, logs) == PROBLEM


def problem(watch: StateWatch, logs: list[Any]) -> str:
    for log in logs:
        arguments = log.get("positional_args", ())
        watch.add(LogLine(message=log["event"] % arguments if arguments else log["event"]))
    return watch.problem
