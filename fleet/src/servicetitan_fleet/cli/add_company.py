"""The command `add-company`: adds a company to the registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
import msgspec

from servicetitan_fleet.cli.next_steps import next_steps
from servicetitan_fleet.cli.options import companies_option, environment_option, storage_option, trust_option
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import Company, SecretReferences, parse_company
from servicetitan_fleet.registry.open_registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TYPES = {field.name: field.type for struct in (Company, SecretReferences) for field in msgspec.structs.fields(struct)}
_PROMPTS = {
    "company_id": "Company id (short, for logs and folders; it must never change)",
    "company_name": "Display name",
    "tenant_id": "ServiceTitan tenant id",
    "project_id": "Google Cloud project of the company",
    "location": "Location of its datasets",
    "client_id": "Reference to the client id (never the value itself)",
    "client_secret": "Reference to the client secret",
    "app_key": "Reference to the app key",
}
_SECRETS = ("client_id", "client_secret", "app_key")


def _reference_option(name: str) -> Callable[[Any], Any]:
    text = f"Reference to the {name.replace('_', ' ')}: env:NAME or secret://projects/..."
    return click.option(f"--{name.replace('_', '-')}", name, help=text)


@click.command()
@companies_option
@trust_option
@storage_option
@environment_option
@click.option("--company-id", help="Short name. It must never change, because the state is stored under it.")
@click.option("--company-name", help="Display name.")
@click.option("--tenant-id", help="ServiceTitan tenant id.")
@click.option("--project-id", help="Google Cloud project of the company. No other company may use it.")
@click.option("--location", help="Location of its datasets.")
@_reference_option("client_id")
@_reference_option("client_secret")
@_reference_option("app_key")
@click.option("--stream", "streams", multiple=True, help="Selection pattern such as 'invoices.*'. Can be repeated.")
@click.option("--disabled", is_flag=True, help="Add it disabled, so that runs skip it for now.")
@click.option(
    "--secrets-project",
    envvar="ETL_SECRETS_PROJECT",
    default="",
    help="Project of the secrets, for the suggested references.",
)
def add_company(  # noqa: PLR0913 - one parameter per option
    *,
    registry: str,
    trusted: bool,
    storage: str,
    environment: str,
    streams: Sequence[str],
    disabled: bool,
    secrets_project: str,
    **given: str | None,
) -> None:
    """Add a company to the registry, and print the next steps.

    The command prompts for everything that is not given as an option. Give references to secrets, never the secrets
    themselves.
    """
    values = _complete(given, secrets_project)
    secrets = {name: values.pop(name) for name in _SECRETS}
    fields = {**values, "secrets": secrets, "streams": list(streams), "enabled": not disabled}
    company = parse_company(fields, "the new company")
    open_registry(registry, os.environ, trusted=trusted).add(company)
    click.echo(f"Added {company.company_id} to {registry}. Next steps:\n")
    for line in next_steps(company, environment, ["--companies", registry, "--storage", storage]):
        click.echo(line)


def _complete(given: dict[str, str | None], secrets_project: str) -> dict[str, str]:
    """Return a value for each field, and prompt for those that were not given."""
    values: dict[str, str] = {}
    for name, prompt in _PROMPTS.items():
        value = given[name]
        if value is None:
            value = _prompt(name, prompt, _suggest(name, values, secrets_project))
        values[name] = value
    return values


def _prompt(name: str, prompt: str, suggestion: str | None) -> str:
    try:
        answer: str = click.prompt(prompt, default=suggestion, value_proc=lambda text: _parse(name, text), err=True)
    except click.Abort:
        raise PluginError(f"nothing was added, because --{name.replace('_', '-')} is missing") from None
    return answer


def _parse(name: str, text: str) -> str:
    try:
        return str(msgspec.convert(text.strip(), _TYPES[name]))
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from None


def _suggest(name: str, values: dict[str, str], secrets_project: str) -> str | None:
    """Return the suggested value of a field, or None if there is none."""
    if name in _SECRETS:
        # All tenants share the app's key.
        key = name if name == "app_key" else f"{values['company_id']}-{name}"
        if secrets_project:
            return f"secret://projects/{secrets_project}/secrets/{key.replace('_', '-')}/versions/latest"
        return f"env:{key.replace('-', '_').upper()}"
    return {"company_name": "", "location": "US"}.get(name)
