"""What every registry can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from servicetitan_fleet.registry.company import Company


class Registry(Protocol):
    """Where companies are listed."""

    def companies(self) -> list[Company]:
        """Return all companies, also those that are not enabled.

        Raises:
            PluginError: If the list cannot be read, or something in it is wrong.
        """

    def add(self, company: Company) -> None:
        """Add a company.

        Raises:
            PluginError: If it could be taken for one that is there, or the list cannot be written.
        """
