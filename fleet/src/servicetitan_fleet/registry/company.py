"""A company, as the registry describes it, and what must be true of all companies together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COMPANY_ID_PATTERN = "^[a-z][a-z0-9-]{0,61}[a-z0-9]$"
"""Ids are part of state ids, folder names and BigQuery labels."""

REFERENCE_PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]*|secret://projects/[^/\s]+/secrets/[^/\s]+/versions/[^/\s]+)$"
"""A secret is named, never written down: `env:NAME`, or the name of a version in Secret Manager."""

Reference = Annotated[str, Meta(pattern=REFERENCE_PATTERN)]


class SecretReferences(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a company's credentials for ServiceTitan are. The names are those of the tap's settings."""

    client_id: Reference
    client_secret: Reference
    app_key: Reference


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One company of the fleet."""

    company_id: Annotated[str, Meta(pattern=COMPANY_ID_PATTERN)]
    """Short name, for people, logs and labels. It never changes: the state is kept under it."""

    tenant_id: Annotated[str, Meta(pattern="^[0-9]+$")]
    """Its tenant at ServiceTitan."""

    project_id: Annotated[str, Meta(min_length=1)]
    """Its Google Cloud project, and no other company's."""

    secrets: SecretReferences
    company_name: str = ""
    location: str = ""
    """Location of its datasets; the target's default where it is empty."""

    enabled: bool = True
    streams: tuple[str, ...] = ()
    """Meltano's selection patterns such as `invoices.*`; the tap's default selection where it is empty."""

    timeout_minutes: Annotated[float, Meta(gt=0)] | None = None
    """How long it may take, where it is not what `run` allows all companies."""

    tap: dict[str, Any] = {}
    """More settings of the tap, by name."""

    target: dict[str, Any] = {}
    """More settings of the target, by name."""


def parse_company(description: object, place: str) -> Company:
    """Return a company.

    Args:
        description: Its fields by name.
        place: Where it was found, for the error.

    Raises:
        PluginError: If a field is missing, unknown or wrong. The value is not shown: it might be a secret.
    """
    try:
        return msgspec.convert(description, Company)
    except msgspec.ValidationError as error:
        hint = ": write a reference, `env:NAME` or `secret://projects/P/secrets/S/versions/V`" * (
            "secrets" in str(error)
        )
        raise PluginError(f"{place}: {error}{hint}") from None


def check_together(companies: Iterable[Company]) -> None:
    """Make sure that no two companies could be taken for each other, or write into the same project.

    Raises:
        PluginError: If two share an id, a tenant or a project. It names them all.
    """
    companies = list(companies)
    problems = [
        *_shared(companies, "company_id"),
        *_shared(companies, "tenant_id"),
        *_shared(companies, "project_id"),
    ]
    if problems:
        raise PluginError(f"the companies cannot be told apart: {'; '.join(problems)}")


def _shared(companies: list[Company], name: str) -> Iterator[str]:
    counts = Counter(getattr(company, name) for company in companies)
    for value, count in counts.items():
        if count > 1:
            ids = sorted(company.company_id for company in companies if getattr(company, name) == value)
            yield f"{name} {value} belongs to {' and '.join(ids)}"


def chosen(companies: Iterable[Company], company_ids: Iterable[str]) -> Iterator[Company]:
    """Yield the enabled companies, or those that are named, enabled or not.

    Raises:
        PluginError: If one that is named is not in the registry.
    """
    by_id = {company.company_id: company for company in companies}
    wanted = list(company_ids)
    if unknown := sorted(set(wanted) - by_id.keys()):
        raise PluginError(f"the registry has no company {', '.join(unknown)}: it has {', '.join(sorted(by_id))}")
    yield from (by_id[one] for one in wanted) if wanted else (one for one in by_id.values() if one.enabled)


def checked(described: Iterable[tuple[str, object]]) -> list[Company]:
    """Return the companies that are described, each with its place.

    Raises:
        PluginError: If a description is wrong, or two companies cannot be told apart.
    """
    companies = [parse_company(description, place) for place, description in described]
    check_together(companies)
    return companies
