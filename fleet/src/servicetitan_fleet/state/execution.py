"""The execution that this process is part of, and its task number."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Names become names of objects in the storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of the whole fleet, as seen by one of its tasks."""

    name: str
    task: int = 0
    tasks: int = 1
    attempt: int = 0

    def make_holder_id(self) -> str:
        """Make an id for this process's claims. It is different at every call."""
        return f"{self.name}/{self.task}/{self.attempt}/{uuid.uuid4().hex[:8]}"


def execution_from(environment: Mapping[str, str]) -> Execution:
    """Return the execution that Cloud Run describes in the environment, or a local one with a name of its own.

    The variables: https://cloud.google.com/run/docs/container-contract#jobs-env-vars

    Raises:
        PluginError: If one of the variables is not a number, or out of range, or the name is none.
    """
    execution = Execution(
        name=_check_name(environment.get("CLOUD_RUN_EXECUTION") or _make_local_name()),
        task=_parse_number(environment, "CLOUD_RUN_TASK_INDEX", 0),
        tasks=_parse_number(environment, "CLOUD_RUN_TASK_COUNT", 1),
        attempt=_parse_number(environment, "CLOUD_RUN_TASK_ATTEMPT", 0),
    )
    if not 0 <= execution.task < execution.tasks:
        raise PluginError(
            f"CLOUD_RUN_TASK_INDEX is {execution.task}, but CLOUD_RUN_TASK_COUNT is only {execution.tasks}"
        )
    return execution


def _make_local_name() -> str:
    # Two runs may start in the same second.
    return f"local-{utc_now():%Y%m%dt%H%M%S}-{uuid.uuid4().hex[:6]}"


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise PluginError(
            f"the environment variable CLOUD_RUN_EXECUTION is not the name of an execution: {name[:200]}. "
            "Give up to 128 letters, digits, hyphens, underscores and dots, the first one a letter or digit"
        )
    return name


def _parse_number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal():
        raise PluginError(f"the environment variable {name} is not a number: {text}")
    return int(text)
