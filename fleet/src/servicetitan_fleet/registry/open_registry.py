"""Opens the list of companies: a YAML file, or a table of BigQuery. Both hold the same fields."""

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


def open_registry(place: str, environment: Mapping[str, str]) -> Registry:
    """Return the registry at a place: the path of a YAML file, or `bq://project.dataset.table`.

    Raises:
        PluginError: If the table's name does not have three parts.
    """
    if not place.startswith("bq://"):
        return FileRegistry(Path(place))
    name = place.removeprefix("bq://")
    if len(name.split(".")) != _TABLE_PARTS:
        raise PluginError(f"the registry {place} is not `bq://project.dataset.table`")
    return TableRegistry(name, emulator_address(environment))
