"""Keeps what the fleet remembers of each company's troubles in its storage: one object per company."""

from __future__ import annotations

import hashlib
import re
import time
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from servicetitan_fleet.errors import ConcurrentUpdateError
from servicetitan_fleet.notify.memory import Memory, load_memory
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.registry.company import COMPANY_ID_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicetitan_fleet.notify.deadline import Deadline
    from servicetitan_fleet.state.storage import Storage

TRIES = 20
PAUSE_SECONDS = 0.05
LONGEST_SECONDS = 20.0
"""Before a storage counts as one that hangs."""


class MemoryStore:
    """Reads and updates memories."""

    def __init__(self, storage: Storage, deadline: Deadline) -> None:
        """Name the storage and the time."""
        self._storage = storage
        self._deadline = deadline

    def update(self, company_id: str, change: Callable[[Memory], Memory]) -> None:
        """Update the memory of a company atomically. Nothing is written where nothing changes.

        Args:
            company_id: The company.
            change: Returns the new memory for the one that is stored. It is called again if another process has
                written in between.

        Raises:
            PluginError: If the storage cannot be reached, hangs, or others write all the time.
        """
        self._deadline.call(lambda: self._update(_object_name(company_id), change), LONGEST_SECONDS)

    def _update(self, name: str, change: Callable[[Memory], Memory]) -> None:
        for left in reversed(range(TRIES)):
            content, generation = self._storage.read(name)
            memory = load_memory(content)
            changed = change(memory)
            if changed == memory:
                return
            try:
                self._storage.replace(name, msgspec.json.encode(replace(changed, changed=utc_now())), generation)
            except ConcurrentUpdateError:
                if not left:
                    raise
                time.sleep(PAUSE_SECONDS)
            else:
                return


def _object_name(company_id: str) -> str:
    """Return the name of a company's object. A company that cannot be read may have an id that is no name."""
    if re.match(COMPANY_ID_PATTERN, company_id):
        return f"notify/{company_id}.json"
    return f"notify/unreadable-{hashlib.sha256(company_id.encode()).hexdigest()[:12]}.json"
