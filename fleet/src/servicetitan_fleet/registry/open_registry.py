"""Opens the registry of companies: a YAML file or a BigQuery table. Both have the same fields."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.google_client import emulator_address
from servicetitan_fleet.registry.bigquery_table import TableRegistry
from servicetitan_fleet.registry.yaml_file import FileRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicetitan_fleet.registry.base import Registry

_TABLE_PARTS = 3


def open_registry(location: str, environment: Mapping[str, str], *, trusted: bool = False) -> Registry:
    """Open the registry at a location: the path of a YAML file, or `bq://project.dataset.table`.

    Args:
        location: Where the registry is.
        environment: May name a BigQuery emulator.
        trusted: Whether its companies may have any setting (`check_trust`).

    Raises:
        PluginError: If the name of the table does not have three parts.
    """
    if not location.startswith("bq://"):
        return FileRegistry(Path(location), trusted=trusted)
    name = location.removeprefix("bq://")
    if len(name.split(".")) != _TABLE_PARTS:
        raise PluginError(f"the registry {location} does not have the form `bq://project.dataset.table`")
    return TableRegistry(name, emulator_address(environment), trusted=trusted)
