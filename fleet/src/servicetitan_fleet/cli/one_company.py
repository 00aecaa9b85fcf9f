"""Reads the one company that a command is about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.open_registry import open_registry

if TYPE_CHECKING:
    from servicetitan_fleet.registry.company import Company


def read_company(registry: str, company_id: str, *, trusted: bool) -> Company:
    """Read a company from the registry, even if it is disabled.

    Raises:
        PluginError: If there is none of that id, or its entry is refused.
    """
    entries = open_registry(registry, os.environ, trusted=trusted).read().select([company_id])
    for entry in entries.failed:
        raise PluginError(f"{company_id}: its entry in the registry is refused: {entry.reason}")
    (company,) = entries.companies
    return company
