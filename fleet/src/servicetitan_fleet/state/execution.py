"""Which execution this process is part of, and which task of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One go over the fleet, and this process's place in it."""

    name: str
    task: int = 0
    tasks: int = 1
    attempt: int = 0

    @property
    def holder(self) -> str:
        """Names this process in claims. No other one ever has the same name."""
        return f"{self.name}/{self.task}/{self.attempt}/{uuid.uuid4().hex[:8]}"


def execution_of(environment: Mapping[str, str]) -> Execution:
    """Return the execution that Cloud Run describes in the environment; elsewhere one of its own.

    The variables: https://cloud.google.com/run/docs/container-contract#jobs-env-vars

    Raises:
        PluginError: If a variable is not the number that it should be.
    """
    execution = Execution(
        name=environment.get("CLOUD_RUN_EXECUTION") or f"local-{utc_now():%Y%m%dt%H%M%S}",
        task=_number(environment, "CLOUD_RUN_TASK_INDEX", 0),
        tasks=_number(environment, "CLOUD_RUN_TASK_COUNT", 1),
        attempt=_number(environment, "CLOUD_RUN_TASK_ATTEMPT", 0),
    )
    if not 0 <= execution.task < execution.tasks:
        raise PluginError(f"CLOUD_RUN_TASK_INDEX is {execution.task}, CLOUD_RUN_TASK_COUNT {execution.tasks}")
    return execution


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal():
        raise PluginError(f"the variable {name} is not a number: {text}")
    return int(text)
