"""The settings of both plugins for the local servers, as environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from servicetitan_sandbox.client.processes import ServiceTitan
    from servicetitan_sandbox.models import Tenant


def settings(titan: ServiceTitan, tenant: Tenant, project: Project) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings of the tap and those of the target.

    Args:
        titan: The local ServiceTitan.
        tenant: The tenant to read.
        project: The project to write to.
    """
    credentials = tenant.model_dump(include={"tenant_id", "client_id", "client_secret", "app_key"})
    tap = {**credentials, "api_url": titan.api_url, "auth_url": titan.auth_url}
    target = {"project_id": project.name, "tenant_id": tenant.tenant_id, "api_endpoint": project.api_endpoint}
    return tap, target


def for_meltano(tap: dict[str, str], target: dict[str, str]) -> dict[str, str]:
    """Name settings as Meltano reads them in this repository. The target's tenant is that of the tap."""
    return _named("SERVICETITAN", tap) | {
        name: value for name, value in _named("BIGQUERY", target).items() if name != "BIGQUERY_TENANT_ID"
    }


def for_plugins(tap: dict[str, str], target: dict[str, str]) -> dict[str, str]:
    """Name settings as the plugins themselves read them with `--config=ENV`."""
    return _named("TAP_SERVICETITAN", tap) | _named("TARGET_BIGQUERY_SOFTDELETE", target)


def _named(prefix: str, settings: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}_{name.upper()}": value for name, value in settings.items()}
