"""The plan of an execution is made once, by whichever task comes first, and holds for all of them."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state.execution import Execution
from servicetitan_fleet.state.execution_plan import LONGEST_AGE, agree_on_plan
from servicetitan_fleet.state.storage import meltano_state_uri, open_storage

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = Execution(name="night", tasks=2)


def never() -> list[list[str]]:
    raise AssertionError("it was planned again")


def test_the_first_task_plans_and_all_others_read_its_plan(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    with ThreadPoolExecutor(8) as pool:
        plans = list(pool.map(lambda n: agree_on_plan(storage, NIGHT, [], lambda: [[f"co-{n}"], []]), range(8)))
    assert len({plan.tasks for plan in plans}) == 1
    retry = Execution(name="night", task=1, tasks=2, attempt=1)
    assert agree_on_plan(storage, retry, [], never) == plans[0]


def test_a_plan_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    agree_on_plan(storage, NIGHT, ["one", "two"], lambda: [["one"], ["two"]])
    assert agree_on_plan(storage, NIGHT, ["two", "one"], never).only == ("one", "two")
    with pytest.raises(PluginError, match="was planned for 2 tasks, but CLOUD_RUN_TASK_COUNT is 3"):
        agree_on_plan(storage, Execution(name="night", tasks=3), ["one", "two"], never)
    with pytest.raises(PluginError, match="was planned for one, two: give --company as then"):
        agree_on_plan(storage, NIGHT, [], never)
    (tmp_path / "executions/night.json").write_text("[")
    with pytest.raises(PluginError, match=r"executions/night\.json in the storage is not a plan"):
        agree_on_plan(storage, NIGHT, [], never)


def test_old_plans_are_removed_from_a_folder(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    for name, age in (("old", LONGEST_AGE.total_seconds() + 60), ("young", 60)):
        agree_on_plan(storage, Execution(name=name), [], lambda: [[]])
        for path in (tmp_path / "executions").glob(f"{name}.*"):
            os.utime(path, times=(time.time() - age,) * 2)
    agree_on_plan(storage, Execution(name="new"), [], lambda: [[]])
    assert {path.name for path in (tmp_path / "executions").glob("*.json")} == {"young.json", "new.json"}


@pytest.mark.parametrize("written", ["a folder", "a%20folder"])
def test_a_folder_with_a_blank_in_its_name_is_one_folder(tmp_path: Path, written: str) -> None:
    uri = f"file://{tmp_path}/{written}/etl/"
    agree_on_plan(open_storage(uri), NIGHT, [], lambda: [[], []])
    assert (tmp_path / "a folder/etl/executions/night.json").exists()
    assert meltano_state_uri(uri) == f"file://{tmp_path}/a folder/etl/state"
    assert meltano_state_uri("gs://bucket/a%20folder") == "gs://bucket/a%20folder/state"


@pytest.mark.parametrize("uri", ["file:///a?b", "file:///a%23b", "gs://bucket/a#b"])
def test_a_folder_that_meltano_would_take_for_another_one_is_refused(uri: str) -> None:
    for read in (open_storage, meltano_state_uri):
        with pytest.raises(PluginError, match="choose a folder without them"):
            read(uri)
