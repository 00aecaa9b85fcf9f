"""Quotes the names of BigQuery projects, datasets and tables. Pure."""

from __future__ import annotations

from servicetitan_fleet.plugin_runtime.errors import PluginError


def quote_name(*parts: str) -> str:
    """Quote a name for use in a statement.

    Args:
        parts: Project, dataset and so on, or one name that has its dots already.

    Raises:
        PluginError: If a part contains a character that would end the quotes.
    """
    name = ".".join(parts)
    if "`" in name or "\\" in name or "\n" in name:
        raise PluginError(f"{name} is not a valid BigQuery name")
    return f"`{name}`"
