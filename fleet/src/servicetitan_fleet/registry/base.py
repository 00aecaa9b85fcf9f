"""The interface of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from servicetitan_fleet.registry.company import Company


class Registry(Protocol):
    """A list of companies."""

    def read(self) -> list[Company]:
        """Read all companies, including those that are not enabled.

        Raises:
            PluginError: If the registry cannot be read, or an entry is invalid.
        """

    def read_notify(self) -> object:
        """Read the list of channels for the alerts of all companies, as it is written; empty if there is none.

        Raises:
            PluginError: If the registry cannot be read.
        """

    def add(self, company: Company) -> None:
        """Add a company.

        Raises:
            PluginError: If it shares an id, tenant or project with another company, or the registry cannot be written.
        """
