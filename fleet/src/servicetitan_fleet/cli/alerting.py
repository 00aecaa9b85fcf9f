"""Puts the alerts of a run together: the channels, the place, the storage."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.notify.channels import Entry, read_entries
from servicetitan_fleet.notify.deadline import Deadline
from servicetitan_fleet.notify.notifier import Notifier
from servicetitan_fleet.notify.place import place_from
from servicetitan_fleet.notify.sender import Sender
from servicetitan_fleet.notify.store import MemoryStore
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.secrets import SecretResolver

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicetitan_fleet.fleet.reporter import Reporter
    from servicetitan_fleet.registry.base import Registry
    from servicetitan_fleet.state.claims import Claims
    from servicetitan_fleet.state.storage import Storage

RETRIES_VARIABLE = "ETL_TASK_RETRIES"
"""How often Cloud Run repeats a task that has failed: it tells a task its number, but not the last one's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertOptions:
    """The options of a command that alerts follow."""

    environment: str
    """Name of the Meltano environment."""

    trusted: bool
    """Whether the registry may have any setting."""

    max_age_hours: float
    """Older data is stale."""

    attempt: int
    """Which try of its task this is, from 0."""


def make_notifier(  # noqa: PLR0913 - the parts of a run
    options: AlertOptions,
    *,
    registry: Registry,
    storage: Storage,
    claims: Claims,
    reporter: Reporter,
    is_stopped: Callable[[], bool],
) -> Notifier:
    """Make the notifier of a run.

    Args:
        options: The options of the command.
        registry: May have channels for all companies.
        storage: Keeps who was told of what.
        claims: Reads the companies' records.
        reporter: Shows what the notifier has to say.
        is_stopped: Whether the run was stopped.
    """
    deadline = Deadline(is_stopped)
    return Notifier(
        store=MemoryStore(storage, deadline),
        sender=Sender(SecretResolver().read, deadline),
        screen=reporter,
        place=place_from(os.environ, options.environment),
        deadline=deadline,
        entries=list_channels(registry, trusted=options.trusted),
        trusted=options.trusted,
        read_record=claims.read_record,
        max_age=dt.timedelta(hours=options.max_age_hours),
        is_last_try=options.attempt >= count_retries(),
    )


def list_channels(registry: Registry, *, trusted: bool) -> list[Entry]:
    """Return the channels for all companies. What is wrong with them is said when they are used."""
    try:
        written = registry.read_notify()
    except PluginError as error:
        unreadable = Entry("`notify`", None, str(error))
        return [unreadable, *read_entries([], os.environ, trusted=trusted)]
    return read_entries(written, os.environ, trusted=trusted)


def count_retries() -> int:
    """Return how often a task that fails is repeated at once; 0 where nothing says so."""
    text = os.environ.get(RETRIES_VARIABLE, "")
    return int(text) if text.isdecimal() else 0
