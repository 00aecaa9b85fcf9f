"""The command that adds a company to the registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
import msgspec

from servicetitan_fleet.cli.next_steps import next_steps
from servicetitan_fleet.cli.options import companies_option, environment_option, storage_option
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import Company, SecretReferences, parse_company
from servicetitan_fleet.registry.open_registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TYPES = {one.name: one.type for kind in (Company, SecretReferences) for one in msgspec.structs.fields(kind)}
_QUESTIONS = {
    "company_id": "Company id: short, for logs and folders; it never changes",
    "company_name": "Name for people",
    "tenant_id": "Tenant at ServiceTitan",
    "project_id": "Google Cloud project of the company",
    "location": "Location of its datasets",
    "client_id": "Where is the client id? A reference, never the value",
    "client_secret": "Where is the client secret?",
    "app_key": "Where is the app key?",
}
_SECRETS = ("client_id", "client_secret", "app_key")


def _reference_option(name: str) -> Callable[[Any], Any]:
    return click.option(f"--{name.replace('_', '-')}", name, help="Reference: env:NAME or secret://projects/...")


@click.command()
@companies_option
@storage_option
@environment_option
@click.option("--company-id", help="Short name; the state is kept under it, so that it never changes.")
@click.option("--company-name", help="Name for people.")
@click.option("--tenant-id", help="Tenant at ServiceTitan.")
@click.option("--project-id", help="The company's own Google Cloud project.")
@click.option("--location", help="Location of its datasets.")
@_reference_option("client_id")
@_reference_option("client_secret")
@_reference_option("app_key")
@click.option("--stream", "streams", multiple=True, help="Selection pattern such as 'invoices.*'; may be repeated.")
@click.option("--disabled", is_flag=True, help="Leave it out of runs for now.")
@click.option(
    "--secrets-project",
    envvar="ETL_SECRETS_PROJECT",
    default="",
    help="Project of the secrets, for the references that are proposed.",
)
def add_company(  # noqa: PLR0913 - one an option
    *,
    registry: str,
    storage: str,
    environment: str,
    streams: Sequence[str],
    disabled: bool,
    secrets_project: str,
    **given: str | None,
) -> None:
    """Add a company to the registry, and print what is left to do.

    What is not given as an option is asked for. Secrets are given as references, never as values.
    """
    answers = _answers(given, secrets_project)
    secrets = {name: answers.pop(name) for name in _SECRETS}
    description = {**answers, "secrets": secrets, "streams": list(streams), "enabled": not disabled}
    company = parse_company(description, "the new company")
    open_registry(registry, os.environ).add(company)
    click.echo(f"{company.company_id} is in {registry}. What is left to do:\n")
    for line in next_steps(company, environment, ["--companies", registry, "--storage", storage]):
        click.echo(line)


def _answers(given: dict[str, str | None], secrets_project: str) -> dict[str, str]:
    """Return a value for each question: what was given, or else what is answered."""
    answers: dict[str, str] = {}
    for name, question in _QUESTIONS.items():
        value = given[name]
        if value is None:
            value = _asked(name, question, _proposal(name, answers, secrets_project))
        answers[name] = value
    return answers


def _asked(name: str, question: str, proposal: str | None) -> str:
    try:
        answer: str = click.prompt(question, default=proposal, value_proc=lambda text: _checked(name, text), err=True)
    except click.Abort:
        raise PluginError(f"nothing was added: --{name.replace('_', '-')} is not given") from None
    return answer


def _checked(name: str, text: str) -> str:
    try:
        return str(msgspec.convert(text.strip(), _TYPES[name]))
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from None


def _proposal(name: str, answers: dict[str, str], secrets_project: str) -> str | None:
    """Return what is proposed as an answer; None where nothing can be."""
    if name in _SECRETS:
        # An app has one key, whatever the tenant.
        own = name if name == "app_key" else f"{answers['company_id']}-{name}"
        if secrets_project:
            return f"secret://projects/{secrets_project}/secrets/{own.replace('_', '-')}/versions/latest"
        return f"env:{own.replace('-', '_').upper()}"
    return {"company_name": "", "location": "US"}.get(name)
