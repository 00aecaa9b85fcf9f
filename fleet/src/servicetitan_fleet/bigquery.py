"""Names of BigQuery tables and datasets in statements. Pure."""

from __future__ import annotations

from servicetitan_fleet.plugin_runtime.errors import PluginError


def quoted(*parts: str) -> str:
    """Return a name for a statement: `project`, `dataset` and so on.

    Raises:
        PluginError: If a part would not stay inside its quotes.
    """
    name = ".".join(parts)
    if "`" in name or "\\" in name or "\n" in name:
        raise PluginError(f"{name} is not a name in BigQuery")
    return f"`{name}`"
