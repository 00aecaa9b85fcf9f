"""The environment of a company's process: what the machine has for all, this company's settings, nothing else. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from servicetitan_fleet.meltano.project import TAP, TARGET
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servicetitan_fleet.meltano.project import MeltanoProject
    from servicetitan_fleet.registry.company import Company

SHARED = frozenset(
    {
        "BIGQUERY_EMULATOR_HOST",
        "CURL_CA_BUNDLE",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GCE_METADATA_HOST",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "LANG",
        "LC_ALL",
        "LOGLEVEL",
        "MELTANO_PROJECT_READONLY",
        "NO_PROXY",
        "PATH",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "STORAGE_EMULATOR_HOST",
        "TMPDIR",
        "TZ",
    }
)
"""Variables that a company's process takes over from this one. No other can reach it, above all no other's secret."""

OWN = {
    TAP: frozenset({"tenant_id", "client_id", "client_secret", "app_key"}),
    TARGET: frozenset({"project_id", "tenant_id", "location", "credentials_json", "credentials_path"}),
}
"""Settings that follow from the company, or hold secrets: the registry cannot give them as plain settings."""


def child_environment(  # noqa: PLR0913 - all that a process is made of
    company: Company,
    secrets: Mapping[str, str],
    project: MeltanoProject,
    outer: Mapping[str, str],
    system_folder: Path,
    *,
    dry_run: bool = False,
) -> dict[str, str]:
    """Return the environment of a company's process.

    Args:
        company: The company.
        secrets: Its secrets, by the name of the tap's setting.
        project: The Meltano project.
        outer: The environment of this process.
        system_folder: The company's own.
        dry_run: Whether the target only says what it would do.

    Raises:
        PluginError: If the registry gives a setting that the plugin does not have, or must not be given.
    """
    tap = {"tenant_id": company.tenant_id, **secrets, **_checked(company, project, TAP, company.tap)}
    target = {
        "project_id": company.project_id,
        "labels": {"company": company.company_id},
        **({"location": company.location} if company.location else {}),
        **_checked(company, project, TARGET, company.target),
        **({"dry_run": True} if dry_run else {}),
    }
    select = {"_select": list(company.streams)} if company.streams else {}
    return {
        **{name: value for name, value in outer.items() if name in SHARED},
        **_variables(project.namespaces[TAP], {**tap, **select}),
        **_variables(project.namespaces[TARGET], target),
        "MELTANO_SYS_DIR_ROOT": str(system_folder),
        "MELTANO_DATABASE_URI": f"sqlite:///{system_folder / 'meltano.db'}",
        "MELTANO_CLI_LOG_FORMAT": "json",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def _checked(company: Company, project: MeltanoProject, plugin: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    if unknown := sorted(settings.keys() - project.settings[plugin]):
        raise PluginError(f"{company.company_id}: {plugin} has no setting {', '.join(unknown)}")
    if own := sorted(settings.keys() & OWN[plugin]):
        raise PluginError(f"{company.company_id}: `{own[0]}` is not given among the settings of {plugin}")
    return settings


def _variables(namespace: str, settings: Mapping[str, Any]) -> dict[str, str]:
    return {f"{namespace}_{name}".upper(): _text(value) for name, value in settings.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
