"""Executions: their names and tasks."""

from __future__ import annotations

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state.execution import execution_from


def test_local_executions_have_names_of_their_own() -> None:
    names = {execution_from({}).name for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith("local-") for name in names)
    assert execution_from({"CLOUD_RUN_EXECUTION": next(iter(names))}).name in names


@pytest.mark.parametrize("name", ["../../etc", "a/b", ".hidden", "a b", "x" * 200, "a\nb", "-"])
def test_what_is_no_name_of_an_object_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="CLOUD_RUN_EXECUTION is not the name of an execution"):
        execution_from({"CLOUD_RUN_EXECUTION": name})


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"CLOUD_RUN_TASK_INDEX": "2", "CLOUD_RUN_TASK_COUNT": "2"}, "CLOUD_RUN_TASK_COUNT is only 2"),
        ({"CLOUD_RUN_TASK_ATTEMPT": "first"}, "CLOUD_RUN_TASK_ATTEMPT is not a number: first"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(variables: dict[str, str], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        execution_from(variables)
