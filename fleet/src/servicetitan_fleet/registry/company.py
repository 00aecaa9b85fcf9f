"""A company as the registry describes it, and the rules that a list of companies must follow. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COMPANY_ID_PATTERN = "^[a-z][a-z0-9-]{0,61}[a-z0-9]$"
"""Ids become part of state ids, folder names and BigQuery labels."""

REFERENCE_PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]*|secret://projects/[^/\s]+/secrets/[^/\s]+/versions/[^/\s]+)$"
"""The registry holds references to secrets, never secrets: `env:NAME`, or a secret version in Secret Manager."""

Reference = Annotated[str, Meta(pattern=REFERENCE_PATTERN)]


class SecretReferences(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """References to a company's ServiceTitan credentials. The fields are named as the tap's settings."""

    client_id: Reference
    client_secret: Reference
    app_key: Reference


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One company of the fleet."""

    company_id: Annotated[str, Meta(pattern=COMPANY_ID_PATTERN)]
    """Short name for people, logs and labels. It must never change, because the state is stored under it."""

    tenant_id: Annotated[str, Meta(pattern="^[0-9]+$")]
    """Its ServiceTitan tenant."""

    project_id: Annotated[str, Meta(min_length=1)]
    """Its Google Cloud project. No other company may use it."""

    secrets: SecretReferences
    company_name: str = ""
    location: str = ""
    """Location of its datasets. Empty: the target's default."""

    enabled: bool = True
    streams: tuple[str, ...] = ()
    """Meltano selection patterns such as `invoices.*`. Empty: the tap's default selection."""

    timeout_minutes: Annotated[float, Meta(gt=0)] | None = None
    """Time limit of its run. None: the limit of the command `run`."""

    tap: dict[str, Any] = {}
    """Further settings of the tap, by name."""

    target: dict[str, Any] = {}
    """Further settings of the target, by name."""


def parse_company(fields: object, source: str) -> Company:
    """Build a company from its fields.

    Args:
        fields: Values by field name.
        source: Where they come from, for the error message.

    Raises:
        PluginError: If a field is missing, unknown or invalid. The message omits the value, which could be a secret.
    """
    try:
        return msgspec.convert(fields, Company)
    except msgspec.ValidationError as error:
        hint = ": give a reference, `env:NAME` or `secret://projects/P/secrets/S/versions/V`" * (
            "secrets" in str(error)
        )
        raise PluginError(f"{source}: {error}{hint}") from None


def check_distinct(companies: Iterable[Company]) -> None:
    """Check that no two companies share an id, a tenant or a project.

    Raises:
        PluginError: If they do. The message names all of them.
    """
    companies = list(companies)
    problems = [
        *_find_shared(companies, "company_id"),
        *_find_shared(companies, "tenant_id"),
        *_find_shared(companies, "project_id"),
    ]
    if problems:
        raise PluginError(f"the companies cannot be told apart: {'; '.join(problems)}")


def _find_shared(companies: list[Company], name: str) -> Iterator[str]:
    counts = Counter(getattr(company, name) for company in companies)
    for value, count in counts.items():
        if count > 1:
            ids = sorted(company.company_id for company in companies if getattr(company, name) == value)
            yield f"{name} {value} belongs to {' and '.join(ids)}"


def select_companies(companies: Iterable[Company], company_ids: Iterable[str]) -> Iterator[Company]:
    """Yield the companies with these ids, enabled or not; without ids, all enabled companies.

    Raises:
        PluginError: If an id is not in the registry.
    """
    by_id = {company.company_id: company for company in companies}
    wanted = list(company_ids)
    if unknown := sorted(set(wanted) - by_id.keys()):
        raise PluginError(f"the registry has no company {', '.join(unknown)}; it has {', '.join(sorted(by_id))}")
    if wanted:
        yield from (by_id[company_id] for company_id in wanted)
    else:
        yield from (company for company in by_id.values() if company.enabled)


def parse_companies(entries: Iterable[tuple[str, object]]) -> list[Company]:
    """Build all companies of a registry.

    Args:
        entries: Source, for error messages, and fields of each company.

    Raises:
        PluginError: If a field is invalid, or two companies share an id, a tenant or a project.
    """
    companies = [parse_company(fields, source) for source, fields in entries]
    check_distinct(companies)
    return companies
