"""The state of a company whose entry in the registry is refused. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_fleet.health.freshness import CompanyStatus, Freshness
from servicetitan_fleet.registry.company import Company, SecretReferences

if TYPE_CHECKING:
    from servicetitan_fleet.registry.entries import BadEntry


def refused_status(entry: BadEntry) -> CompanyStatus:
    """Return the state of a company that cannot be run, because its entry in the registry is refused."""
    unknown = SecretReferences(client_id="", client_secret="", app_key="")
    return CompanyStatus(
        # Not a company that could be run: only its name is known.
        company=Company(company_id=entry.name, tenant_id="", project_id="", secrets=unknown),
        freshness=Freshness.FAILED,
        reason=entry.reason,
        is_running=False,
        last_good=None,
        runs=(),
        streams=(),
        is_refused=True,
    )
