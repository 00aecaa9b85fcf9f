"""The interface of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.registry.entries import Entries


class Registry(Protocol):
    """A list of companies."""

    def read(self) -> Entries:
        """Read all companies, including those that are not enabled. Bad entries are returned with their reasons.

        Raises:
            PluginError: If the registry as a whole cannot be read.
        """

    def read_notify(self) -> object:
        """Read the list of channels for the alerts of all companies, as it is written; empty if there is none.

        Raises:
            PluginError: If the registry cannot be read.
        """

    def add(self, company: Company) -> None:
        """Add a company.

        Raises:
            PluginError: If it shares an id, tenant or project with another entry, or the registry cannot be written.
        """
