"""The plan of an execution: which task runs which companies. It is fixed once, for all tasks and all their attempts."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from typing import TYPE_CHECKING

import msgspec

from servicetitan_fleet.errors import ConcurrentUpdateError
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.plurals import pluralize
from servicetitan_fleet.plugin_runtime.prepared_types import prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servicetitan_fleet.state.execution import Execution
    from servicetitan_fleet.state.storage import Storage, StoredObject

FOLDER = "executions"
LONGEST_AGE = dt.timedelta(days=30)
"""Older plans are removed. An execution on Cloud Run takes seven days at most."""

_WRITES = 3
"""How often a plan is written if the storage has lost it."""

logger = logging.getLogger(__name__)


@prepared
class ExecutionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The companies of each task."""

    tasks: tuple[tuple[str, ...], ...]
    """Company ids by task, those that take longest first."""

    only: tuple[str, ...] = ()
    """The companies that were named with `--company`, sorted. Empty: all that were enabled."""


def agree_on_plan(
    storage: Storage, execution: Execution, only: Sequence[str], make_tasks: Callable[[], Sequence[Sequence[str]]]
) -> ExecutionPlan:
    """Return the plan of an execution, which the first of its tasks makes and all others read.

    Args:
        storage: Where plans are kept.
        execution: The execution and task of this process.
        only: The companies that are named with `--company`.
        make_tasks: Makes the plan: the company ids of each task.

    Raises:
        PluginError: If the storage cannot be reached, or has a plan that cannot be read or was made for another number
            of tasks or other companies. Errors of `make_tasks` are passed on.
    """
    name = f"{FOLDER}/{execution.name}.json"
    if (content := storage.read(name)).generation == 0:
        plan = ExecutionPlan(tasks=tuple(map(tuple, make_tasks())), only=tuple(sorted(only)))
        content = _write(storage, name, msgspec.json.encode(plan))
        _remove_old(storage)
    try:
        plan = msgspec.json.decode(content.content, type=ExecutionPlan)
    except msgspec.DecodeError as error:
        raise PluginError(f"{name} in the storage is not a plan: {error}. Start a new execution") from error
    _check(plan, execution, only)
    return plan


def _write(storage: Storage, name: str, content: bytes) -> StoredObject:
    """Write a plan unless there is one, and return the one that is there."""
    for _ in range(_WRITES):
        with contextlib.suppress(ConcurrentUpdateError):
            storage.replace(name, content, 0)
        # Only what can be read is the plan of the other tasks as well.
        if (found := storage.read(name)).generation:
            return found
    raise PluginError(f"the storage has lost {name}, {_WRITES} times: check it, then run again")


def _check(plan: ExecutionPlan, execution: Execution, only: Sequence[str]) -> None:
    if len(plan.tasks) != execution.tasks:
        raise PluginError(
            f"the execution {execution.name} was planned for {pluralize(len(plan.tasks), 'task')}, but "
            f"CLOUD_RUN_TASK_COUNT is {execution.tasks}: give a new execution another name"
        )
    if plan.only != tuple(sorted(only)):
        raise PluginError(
            f"the execution {execution.name} was planned for {', '.join(plan.only) or 'all companies'}: give --company "
            "as then, or a new execution another name"
        )


def _remove_old(storage: Storage) -> None:
    try:
        storage.remove_old(FOLDER, LONGEST_AGE)
    except PluginError as error:
        logger.warning("old plans stay: %s", error)
