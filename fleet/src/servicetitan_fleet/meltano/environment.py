"""Builds the environment of a company's process: shared variables, and this company's settings only. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from servicetitan_fleet.meltano.dead_runs import DATABASE
from servicetitan_fleet.meltano.project import TAP, TARGET
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servicetitan_fleet.meltano.context import MeltanoContext, RunOwners
    from servicetitan_fleet.meltano.project import MeltanoProject
    from servicetitan_fleet.registry.company import Company

INHERITED = frozenset(
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
"""Variables that a company's process inherits. Nothing else reaches it, least of all another company's secrets."""

_REFERENCE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<name>[A-Z][A-Z0-9_]*))")

RESERVED = {
    TAP: frozenset({"tenant_id", "client_id", "client_secret", "app_key", "max_read_seconds", "reread_from"}),
    TARGET: frozenset(
        {"project_id", "tenant_id", "location", "credentials_json", "credentials_path", "run_owner", "dead_owners"}
    ),
}
"""Settings that come from the company's own fields, hold secrets or are the fleet's own, so `tap` and `target` must not
set them."""


def process_environment(  # noqa: PLR0913 - all that a process depends on
    company: Company,
    secrets: Mapping[str, str],
    context: MeltanoContext,
    system_folder: Path,
    owners: RunOwners | None = None,
    *,
    most_read_seconds: int | None = None,
) -> dict[str, str]:
    """Build the environment of a company's process.

    Args:
        company: The company.
        secrets: Its secrets, by the name of the tap's setting.
        context: Settings that all companies share.
        system_folder: The company's own system folder.
        owners: Whose run this is, and whose runs of the company are known to be dead. None for a check.
        most_read_seconds: How long the tap may read. None for no limit.

    Raises:
        PluginError: If the registry has a setting that the plugin does not know, or that is reserved.
    """
    project = context.project
    tap = {
        "tenant_id": company.tenant_id,
        **_check_settings(company, project, TAP, company.tap),
        **({"max_read_seconds": most_read_seconds} if most_read_seconds else {}),
        **({"reread_from": context.reread.since} if context.reread else {}),
        **secrets,
    }
    target = {
        "project_id": company.project_id,
        "labels": {"company": company.company_id},
        **({"location": company.location} if company.location else {}),
        **_check_settings(company, project, TARGET, company.target),
        **({"dry_run": True} if context.dry_run else {}),
        **({"adopt_tables": list(context.adopt)} if context.adopt else {}),
        **({"allow_mass_delete_streams": list(context.allow_mass_delete)} if context.allow_mass_delete else {}),
        **({"run_owner": owners.own} if owners else {}),
        **({"dead_owners": list(owners.dead)} if owners and owners.dead else {}),
    }
    select = {
        **({"_select": list(company.streams)} if company.streams else {}),
        **({"_select_filter": list(context.reread.streams)} if context.reread else {}),
    }
    return with_all_references(
        {
            **shared_variables(context.variables),
            **_to_variables(project.namespaces[TAP], {**tap, **select}),
            **_to_variables(project.namespaces[TARGET], target),
            "MELTANO_SYS_DIR_ROOT": str(system_folder),
            "MELTANO_DATABASE_URI": f"sqlite:///{system_folder / DATABASE}",
            **({"MELTANO_STATE_BACKEND_URI": context.state_uri} if context.state_uri else {}),
            "MELTANO_CLI_LOG_FORMAT": "json",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
    )


def shared_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those of this process's variables that every company's process inherits."""
    return {name: value for name, value in variables.items() if name in INHERITED}


def with_all_references(variables: dict[str, str]) -> dict[str, str]:
    """Add a variable for each `$NAME` and `${name}` in the texts.

    Meltano takes such a text for a reference to a variable, and refuses to start, with that part of a secret in its
    log, if there is none of that name (`expand_env_vars` in meltano 4.4). It replaces them in a copy of the environment
    only: the plugins get their settings as they are.
    """
    names = {found["name"] or found["braced"] for text in variables.values() for found in _REFERENCE.finditer(text)}
    return {**dict.fromkeys(names, "-"), **variables}


def _check_settings(
    company: Company, project: MeltanoProject, plugin: str, settings: Mapping[str, Any]
) -> Mapping[str, Any]:
    if unknown := sorted(settings.keys() - project.settings[plugin]):
        raise PluginError(f"{company.company_id}: {plugin} has no setting {', '.join(unknown)}")
    if reserved := sorted(settings.keys() & RESERVED[plugin]):
        raise PluginError(
            f"{company.company_id}: `{reserved[0]}` must not be among the settings of {plugin} in the registry"
        )
    return settings


def _to_variables(namespace: str, settings: Mapping[str, Any]) -> dict[str, str]:
    return {f"{namespace}_{name}".upper(): _to_text(value) for name, value in settings.items()}


def _to_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
