"""The channels for alerts, as `notify` in the registry and ETL_NOTIFY declare them. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from servicetitan_fleet.notify.trouble import TroubleKind
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.registry.company import NAME_PATTERN, REFERENCE_HINT, Reference, hide_odd_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from servicetitan_fleet.registry.company import Company

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
"""https://developer.pagerduty.com/docs/send-alert-event."""

VARIABLE = "ETL_NOTIFY"
"""The environment variable with a list of channels, as JSON."""

_FIELD = re.compile(r"`\$\.([a-z_]+)")
_HINTS = {
    "kind": "`email`, `slack`, `google_chat`, `pagerduty` or `webhook`",
    "on": f"a list of {', '.join(TroubleKind)}",
    **dict.fromkeys(("routing_key", "password"), REFERENCE_HINT),
    "url": f"{REFERENCE_HINT}; for PagerDuty an address",
    "from": "an address such as `etl@example.com`",
    "to": "a list of addresses such as `oncall@example.com`",
    "host": "the name of the SMTP server",
    "port": "its port, a number",
    "security": "`starttls`, `tls` or `none`",
    "user": "a text",
}
"""What to give, by field."""

Address = Annotated[str, Meta(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+\Z")]
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:-]{1,253}\Z")]
Name = Annotated[str, Meta(pattern=NAME_PATTERN)]


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """A channel: where to tell people."""

    on: tuple[TroubleKind, ...] = ()
    """Which kinds of trouble it is told of. Empty: all."""

    @property
    def references(self) -> dict[str, str]:
        """References to its secrets, by field."""
        return {}

    @property
    def kind(self) -> str:
        """Its kind, as the settings name it."""
        return str(self.__struct_config__.tag)

    @property
    def key(self) -> str:
        """What it is told apart by: its kind, and a hash of its settings, in which `on` does not count."""
        fields = msgspec.json.encode(msgspec.structs.replace(self, on=()), order="sorted")
        return f"{self.kind}-{hashlib.sha256(fields).hexdigest()[:12]}"

    def wants(self, kind: TroubleKind) -> bool:
        """Return whether it is told of a kind of trouble."""
        return not self.on or kind in self.on

    def find_power(self) -> str:
        """Return the setting that only a trusted registry may have: it decides which server gets a secret."""
        return ""

    def find_problem(self) -> str:
        """Return what is wrong with settings that are right by themselves; empty if nothing is."""
        return ""


class _Hook(Channel, frozen=True, kw_only=True):
    url: Reference
    """The address. Whoever knows it can send messages, so it is a secret."""

    @property
    @override
    def references(self) -> dict[str, str]:
        return {"url": self.url}


class Slack(_Hook, frozen=True, kw_only=True, tag="slack"):
    """An incoming webhook of Slack."""


class GoogleChat(_Hook, frozen=True, kw_only=True, tag="google_chat"):
    """An incoming webhook of a space in Google Chat."""


class Webhook(_Hook, frozen=True, kw_only=True, tag="webhook"):
    """A server that takes JSON."""


class PagerDuty(Channel, frozen=True, kw_only=True, tag="pagerduty"):
    """A service of PagerDuty, by its integration for the Events API v2."""

    routing_key: Reference
    url: Annotated[str, Meta(pattern=r"^https?://[^\s@]+\Z")] = PAGERDUTY

    @property
    @override
    def references(self) -> dict[str, str]:
        return {"routing_key": self.routing_key}

    @override
    def wants(self, kind: TroubleKind) -> bool:
        # What it is told of pages somebody.
        return not kind.is_notice and super().wants(kind)

    @override
    def find_power(self) -> str:
        return "" if self.url == PAGERDUTY else "url"

    @override
    def find_problem(self) -> str:
        notices = [kind for kind in self.on if kind.is_notice]
        return f"`on`: {notices[0]} pages nobody: give it to a channel of another kind" if notices else ""


class Email(Channel, frozen=True, kw_only=True, tag="email", rename={"sender": "from"}):
    """Recipients, and the SMTP server that takes the mail."""

    host: Host
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls`: encrypted after the greeting (port 587). `tls`: from the start (port 465)."""

    sender: Address
    to: Annotated[tuple[Address, ...], Meta(min_length=1)]
    user: Name = ""
    password: Reference | None = None

    @property
    @override
    def references(self) -> dict[str, str]:
        return {"password": self.password} if self.password else {}

    @override
    def find_power(self) -> str:
        return "password" if self.password else ""

    @override
    def find_problem(self) -> str:
        if bool(self.user) != bool(self.password):
            return "`user` and `password` go together"
        if self.password and self.security == "none":
            return "a password is sent only over an encrypted connection: `security` must be `starttls` or `tls`"
        return ""


AnyChannel = Slack | GoogleChat | Webhook | PagerDuty | Email


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list of channels: the channel, or what is wrong with it."""

    label: str
    """Its kind and its place, for people. Never its address."""

    channel: AnyChannel | None
    problem: str = ""


def read_entries(registry: object, environment: Mapping[str, str], *, trusted: bool) -> list[Entry]:
    """Return the channels for all companies: those of the registry, and those of ETL_NOTIFY.

    Args:
        registry: The list `notify` of the registry.
        environment: May have ETL_NOTIFY. Whoever starts the command sets it, so it is trusted.
        trusted: Whether the registry may have any setting.
    """
    given: object = []
    place = f"`{VARIABLE}`"
    if text := environment.get(VARIABLE, "").strip():
        try:
            given = json.loads(text)
        except ValueError:
            return [*parse_entries(registry, "`notify`", trusted=trusted), Entry(place, None, "it is not JSON")]
    return [
        *parse_entries(registry, "`notify`", trusted=trusted),
        *parse_entries(given, place, trusted=True),
    ]


def company_entries(company: Company, *, trusted: bool) -> list[Entry]:
    """Return the channels that only this company has."""
    return parse_entries(company.notify, f"`notify` of {company.company_id}", trusted=trusted)


def parse_entries(entries: object, place: str, *, trusted: bool) -> list[Entry]:
    """Return the channels of a list. What is wrong with one is said in its place and affects no other.

    Args:
        entries: The list, as it was read.
        place: What the list is called.
        trusted: Whether its entries may have any setting.
    """
    if not isinstance(entries, list | tuple):
        return [Entry(place, None, "it is not a list")]
    return [_parse_entry(fields, f"entry {number} of {place}", trusted) for number, fields in enumerate(entries, 1)]


def _parse_entry(fields: object, place: str, trusted: bool) -> Entry:  # noqa: FBT001 - private
    try:
        channel: AnyChannel = msgspec.convert(fields, AnyChannel)
    except msgspec.ValidationError as error:
        return Entry(place, None, _explain(str(error)))
    label = f"{channel.kind}, {place}"
    problem = channel.find_problem()
    if not problem and not trusted and (power := channel.find_power()):
        problem = (
            f"the registry may not decide this by itself: `{power}` says which server gets a secret. "
            f"Put the channel into {VARIABLE}, or run with --trust-registry"
        )
    return Entry(label, None if problem else channel, problem)


def _explain(error: str) -> str:
    """Return what is wrong with an entry, without the value: it may be a secret in the wrong place."""
    place = _FIELD.search(error)
    if place and place[1] in _HINTS:
        return f"`{place[1]}`: give {_HINTS[place[1]]}"
    return hide_odd_fields(error)


def distinct(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries, each channel once: it wants to know what any of its entries wants to know."""
    seen: dict[str, Entry] = {}
    for entry in entries:
        key = entry.channel.key if entry.channel else entry.label
        seen[key] = _join(seen[key], entry) if key in seen else entry
    return list(seen.values())


def _join(first: Entry, second: Entry) -> Entry:
    if not first.channel or not second.channel:
        return first
    kinds = (*first.channel.on, *second.channel.on) if first.channel.on and second.channel.on else ()
    return replace(first, channel=msgspec.structs.replace(first.channel, on=kinds))
