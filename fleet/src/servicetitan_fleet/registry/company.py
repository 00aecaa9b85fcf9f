"""A company as the registry describes it, and the rules that it must follow. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPANY_ID_PATTERN = r"^[a-z][a-z0-9-]{0,61}[a-z0-9]\Z"
"""Ids become part of state ids, folder names and BigQuery labels."""

TENANT_ID_PATTERN = r"^[0-9]{1,19}\Z"
"""ServiceTitan's tenants are 64-bit integers."""

PROJECT_ID_PATTERN = r"^([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]\Z"
"""https://cloud.google.com/resource-manager/docs/creating-managing-projects. Old ones have a domain before them."""

LOCATION_PATTERN = r"^(?i:|us|eu|[a-z]+-[a-z]+[0-9]{1,2}|aws-[a-z]+-[a-z]+-[0-9])\Z"
"""https://cloud.google.com/bigquery/docs/locations."""

NAME_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*\Z"
"""Names are shown in terminals: no control characters, and nothing that is not text in UTF-8."""

REFERENCE_PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]*|secret://projects/[^/\s]+/secrets/[^/\s]+/versions/[^/\s]+)\Z"
"""The registry holds references to secrets, never secrets: `env:NAME`, or a secret version in Secret Manager."""

SECRET_SETTINGS = ("pii_salt",)
"""Settings in `tap` that are secrets."""

DATASET_SETTINGS = ("dataset", "staging_dataset", "log_dataset")

TRUSTED_TAP_SETTINGS = frozenset({"api_url", "auth_url", "batch_config"})
TRUSTED_TARGET_SETTINGS = frozenset(
    {
        *("adopt_tables", "allow_mass_delete", "allow_mass_delete_streams", "api_endpoint", "batch_schemes"),
        *("billing_project", "kms_key_name", "reservation"),
    }
)
"""Settings that only a trusted registry may have: where credentials and data go, what is read, what is guarded."""

LOOSE_LIMITS = {"max_delete_fraction": 0.95, "max_delete_rows": 1000}
"""Limits of the guard that come close to none, from these values on."""

_UNSET: tuple[object, ...] = (None, False, "false", [], "[]")

_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_REFERENCE = re.compile(REFERENCE_PATTERN)
_MEANT_AS_REFERENCE = re.compile(r"\s*(env:\w+\s*\Z|secret:/)")

_ODD_FIELD = re.compile(r"unknown field `(?![a-z_]{1,40}`).*?`", re.DOTALL)
"""An unknown field that looks like no name: it may be a secret in the wrong place."""

_PLACE = re.compile(r" - at `\$\.([a-z_.]+)")
"""Where an error of msgspec is."""

_WRONG_KIND = re.compile(r"Expected `[a-z| ]+`, got `")

REFERENCE_HINT = "a reference, `env:NAME` or `secret://projects/P/secrets/S/versions/V`"

_HINTS = {
    "company_id": "2 to 63 lower-case letters, digits and hyphens, the first one a letter",
    "tenant_id": "up to 19 digits",
    "project_id": "6 to 30 lower-case letters, digits and hyphens, the first one a letter, the last one no hyphen",
    "location": "a location of BigQuery, such as `US` or `europe-west3`",
    "company_name": "no control characters",
    "enabled": "`true` or `false`",
    "timeout_minutes": "minutes, as a number above 0",
    "streams": 'a list of Meltano\'s selection patterns, such as `["invoices.*"]`',
    "tap": "a mapping of settings by their names",
    "target": "a mapping of settings by their names",
    "notify": "a list of channels",
    "secrets": REFERENCE_HINT,
}
"""What to give, by field."""

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

    tenant_id: Annotated[str, Meta(pattern=TENANT_ID_PATTERN)]
    """Its ServiceTitan tenant."""

    project_id: Annotated[str, Meta(pattern=PROJECT_ID_PATTERN)]
    """Its Google Cloud project. No other company may use it."""

    secrets: SecretReferences
    company_name: Annotated[str, Meta(pattern=NAME_PATTERN)] = ""
    location: Annotated[str, Meta(pattern=LOCATION_PATTERN)] = ""
    """Location of its datasets. Empty: the target's default."""

    enabled: bool = True
    streams: tuple[str, ...] = ()
    """Meltano selection patterns such as `invoices.*`. Empty: the tap's default selection."""

    timeout_minutes: Annotated[float, Meta(gt=0)] | None = None
    """Time limit of its run. None: the limit of the command `run`."""

    tap: dict[str, Any] = {}
    """Further settings of the tap, by name. `pii_salt` is a reference, as in `secrets`."""

    target: dict[str, Any] = {}
    """Further settings of the target, by name."""

    notify: tuple[Any, ...] = ()
    """More channels for its alerts, as written: one that is wrong must not keep its data from being loaded."""

    @property
    def references(self) -> dict[str, str]:
        """References to all its secrets, by the name of the tap's setting."""
        salt = {name: self.tap[name] for name in SECRET_SETTINGS if name in self.tap}
        return {**msgspec.to_builtins(self.secrets), **salt}


def parse_company(fields: object, source: str) -> Company:
    """Build a company from its fields.

    Args:
        fields: Values by field name. Null means that a field is not given.
        source: Where they come from, for the error message.

    Raises:
        PluginError: If a field is missing, unknown or invalid. The message omits the value, which could be a secret.
    """
    try:
        company = msgspec.convert(_without_nulls(fields), Company)
    except msgspec.ValidationError as error:
        raise PluginError(f"{source}: {_explain(str(error))}") from None
    if problem := next(_find_problems(company), ""):
        raise PluginError(f"{source}: {problem}")
    return company


def _explain(error: str) -> str:
    """Return an error of msgspec in the words of the registry: the field, and what to give. No pattern, no value."""
    field = match[1] if (match := _PLACE.search(error)) else ""
    hint = _HINTS.get(field.partition(".")[0], "")
    if hint and " matching regex " in error:
        return f"`{field}` does not have the right form: give {hint}"
    if hint and _WRONG_KIND.match(error):
        return f"`{field}` is of the wrong kind: give {hint}"
    return hide_odd_fields(error)


def _without_nulls(fields: object) -> object:
    """Return the fields without those that are null, which is the same as not to give them."""
    if not isinstance(fields, dict):
        return fields
    given = {name: value for name, value in fields.items() if value is not None}
    for name in ("secrets", "tap", "target"):
        if isinstance(given.get(name), dict):
            given[name] = {inner: value for inner, value in given[name].items() if value is not None}
    return given


def hide_odd_fields(error: str) -> str:
    """Return an error of msgspec without a field that looks like no name: it may be a secret in the wrong place."""
    return _ODD_FIELD.sub("unknown field", error)


def _find_problems(company: Company) -> Iterator[str]:
    """Yield what is wrong with the values of a company's settings, without the values."""
    secret = {name: company.tap[name] for name in SECRET_SETTINGS if name in company.tap}
    yield from (
        f"`tap.{name}` is a secret: give {REFERENCE_HINT}"
        for name, value in secret.items()
        if not _matches(_REFERENCE, value)
    )
    datasets = {name: company.target[name] for name in DATASET_SETTINGS if name in company.target}
    yield from (
        f"`target.{name}` is not the name of a dataset: give up to 1,024 letters, digits and underscores"
        for name, value in datasets.items()
        if not _matches(_DATASET, value)
    )
    plain = {
        "company_name": company.company_name,
        "streams": company.streams,
        **{f"tap.{name}": value for name, value in company.tap.items() if name not in SECRET_SETTINGS},
        **{f"target.{name}": value for name, value in company.target.items()},
    }
    yield from (
        f"`{name}` is not a secret, and nothing resolves a reference there: "
        f"references belong into `secrets` and `tap.{SECRET_SETTINGS[0]}`"
        for name, value in plain.items()
        if any(map(_MEANT_AS_REFERENCE.match, _texts(value)))
    )


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def check_trust(company: Company) -> None:
    """Check that a company has no setting that only a trusted registry may have.

    Whoever can write the registry could otherwise send credentials and data elsewhere, or turn the guard off for good.

    Raises:
        PluginError: If it has. The message names the settings and the company.
    """
    if found := [f"{company.company_id} sets {name}" for name in _find_powers(company)]:
        raise PluginError(
            f"the registry may not decide this by itself: {'; '.join(found)}. Remove it, or run with --trust-registry"
        )


def _find_powers(company: Company) -> Iterator[str]:
    plugins = (("tap", company.tap, TRUSTED_TAP_SETTINGS), ("target", company.target, TRUSTED_TARGET_SETTINGS))
    for plugin, settings, names in plugins:
        yield from (f"`{plugin}.{name}`" for name in sorted(names) if settings.get(name) not in _UNSET)
    for name, least in LOOSE_LIMITS.items():
        if _reaches(company.target.get(name), least):
            yield f"`target.{name}` to {least:g} or more"


def _reaches(value: object, least: float) -> bool:
    try:
        return float(str(value)) >= least
    except ValueError:
        return False
