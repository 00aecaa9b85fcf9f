"""The entries of a registry: good companies, and those that are refused with a reason. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.registry.company import (
    COMPANY_ID_PATTERN,
    PROJECT_ID_PATTERN,
    TENANT_ID_PATTERN,
    Company,
    check_trust,
    parse_company,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PATTERNS = {
    "company_id": re.compile(COMPANY_ID_PATTERN),
    "tenant_id": re.compile(TENANT_ID_PATTERN),
    "project_id": re.compile(PROJECT_ID_PATTERN),
}
"""The fields that no two companies may share. A value is shown only if it looks like one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """An entry of the registry that does not describe a company that could be run."""

    place: str
    """Where it is in the registry: `company 7`."""

    company_id: str
    """Its id; empty if it has none, or none that is valid."""

    reason: str
    """What is wrong with it, in one line."""

    enabled: bool = True
    """Whether its company should run. If not, the entry is worth a warning, and no failure."""

    unique: bool = True
    """Whether no other entry has the same id."""

    @property
    def name(self) -> str:
        """What people call it: its id, or its place. No two entries have the same name."""
        if self.company_id and self.unique:
            return self.company_id
        return f"{self.company_id} ({self.place})" if self.company_id else self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """All entries of a registry, or those that a command is about.

    Attributes:
        companies: The companies, in the order of the registry.
        bad: The entries that are refused.
    """

    companies: Sequence[Company]
    bad: Sequence[BadEntry] = ()

    @property
    def failed(self) -> list[BadEntry]:
        """The refused entries whose companies should run."""
        return [entry for entry in self.bad if entry.enabled]

    @property
    def warnings(self) -> list[str]:
        """A line for each refused entry whose company is disabled."""
        return [f"{entry.name} is disabled, and refused: {entry.reason}" for entry in self.bad if not entry.enabled]

    def select(self, company_ids: Iterable[str]) -> Entries:
        """Return the entries with these ids, enabled or not; without ids, all enabled companies and all bad entries.

        Raises:
            PluginError: If an id is not in the registry, or no company is enabled.
        """
        wanted = list(dict.fromkeys(company_ids))
        return self._select_ids(wanted) if wanted else self._select_enabled()

    def share(self, task: int, tasks: int) -> Entries:
        """Return the entries that are one task's: every `tasks`-th company, and of the bad entries likewise.

        Args:
            task: The number of the task, from 0 on.
            tasks: How many tasks there are. All read the same registry, so each entry is one task's.
        """
        return Entries(companies=self.companies[task::tasks], bad=self.bad[task::tasks])

    def _select_ids(self, wanted: Sequence[str]) -> Entries:
        by_id = {company.company_id: company for company in self.companies}
        known = by_id.keys() | {entry.company_id for entry in self.bad if entry.company_id}
        if unknown := sorted(set(wanted) - known):
            has = f"it has {', '.join(sorted(known))}" if known else "it has none"
            raise PluginError(f"the registry has no company {to_line(', '.join(unknown))}; {has}")
        return Entries(
            companies=[by_id[company_id] for company_id in wanted if company_id in by_id],
            bad=[replace(entry, enabled=True) for entry in self.bad if entry.company_id in wanted],
        )

    def _select_enabled(self) -> Entries:
        enabled = [company for company in self.companies if company.enabled]
        if not enabled and not self.failed:
            raise PluginError(_describe_nothing(len(self.companies) + len(self.bad)))
        return Entries(companies=enabled, bad=self.bad)


def _describe_nothing(count: int) -> str:
    if not count:
        return "the registry has no company: add one with `orchestrate-etl add-company`"
    return f"no company of the registry is enabled ({count} disabled): enable one, or name it with --company"


def parse_entries(rows: Iterable[tuple[str, object]], location: str, *, trusted: bool = False) -> Entries:
    """Build the companies of a registry. A bad entry concerns no other, unless they share an id, a tenant or a project.

    Args:
        rows: Place and fields of each entry.
        location: Where the registry is, for the reasons.
        trusted: Whether its companies may have any setting.
    """
    drafts = _draft(rows)
    shared = _find_shared(drafts)
    companies: list[Company] = []
    bad: list[BadEntry] = []
    for draft in drafts:
        try:
            companies.append(_parse(draft, f"{location}, {draft.place}", shared[draft.place], trusted=trusted))
        except PluginError as error:
            bad.append(draft.refuse(to_line(str(error))))
        except RecursionError:
            bad.append(draft.refuse(f"{location}, {draft.place}: it is nested too deeply"))
    return Entries(companies=companies, bad=bad)


def check_addition(rows: Iterable[tuple[str, object]], company: Company) -> None:
    """Check that a new company shares its id, tenant and project with no entry of a registry, good or bad.

    Args:
        rows: Place and fields of each entry that is there.
        company: The new company.

    Raises:
        PluginError: If it does. The message names the other entries.
    """
    new = "the new company"
    given = {name: getattr(company, name) for name in _PATTERNS}
    if problems := _find_shared(_draft([*rows, (new, given)]))[new]:
        raise PluginError(f"the companies cannot be told apart: {'; '.join(problems)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """An entry before it is known to be good."""

    place: str
    fields: object
    company_id: str
    unique: bool

    @property
    def name(self) -> str:
        """Its id, or its place if that does not tell it from others."""
        return self.company_id if self.company_id and self.unique else self.place

    def refuse(self, reason: str) -> BadEntry:
        enabled = not (isinstance(self.fields, dict) and self.fields.get("enabled") is False)
        return BadEntry(
            place=self.place, company_id=self.company_id, reason=reason, enabled=enabled, unique=self.unique
        )


def _draft(rows: Iterable[tuple[str, object]]) -> list[_Draft]:
    identified = [(place, fields, _valid(fields, "company_id")) for place, fields in rows]
    count = Counter(company_id for _, _, company_id in identified)
    return [
        _Draft(place=place, fields=fields, company_id=company_id, unique=count[company_id] == 1)
        for place, fields, company_id in identified
    ]


def _parse(draft: _Draft, source: str, shared: Sequence[str], *, trusted: bool) -> Company:
    if shared:
        raise PluginError(f"{source}: the companies cannot be told apart: {'; '.join(shared)}")
    company = parse_company(draft.fields, source)
    if not trusted:
        check_trust(company)
    return company


def _find_shared(drafts: Sequence[_Draft]) -> defaultdict[str, list[str]]:
    """Find what entries share, whatever else is wrong with them: none of them is known to be the right one.

    Returns:
        A line for each field that an entry shares, by the place of the entry.
    """
    problems = defaultdict[str, list[str]](list)
    for name in _PATTERNS:
        for same in _group(drafts, name):
            value = next((f" {found}" for draft in same if (found := _valid(draft.fields, name))), "")
            line = f"{name}{value} belongs to {' and '.join(draft.name for draft in same)}"
            for draft in same:
                problems[draft.place].append(line)
    return problems


def _group(drafts: Sequence[_Draft], name: str) -> Iterator[list[_Draft]]:
    """Yield the entries that have the same value of a field, if they are more than one."""
    owners = defaultdict[str, list[_Draft]](list)
    for draft in drafts:
        text = _text(draft.fields, name)
        if text:
            owners[_fold(name, text)].append(draft)
    yield from (same for same in owners.values() if len(same) > 1)


def _text(fields: object, name: str) -> str:
    """Return a field as text without blanks around it; empty if it is missing."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return str(value).strip() if isinstance(value, str | int) else ""


def _valid(fields: object, name: str) -> str:
    """Return a field that is valid, so that it can be shown; empty if it is not."""
    text = _text(fields, name)
    return text if _PATTERNS[name].match(text) else ""


def _fold(name: str, value: str) -> str:
    """Return the form in which two values are the same: without capitals, and zeros before a number."""
    folded = value.casefold()
    return folded.lstrip("0") if name == "tenant_id" else folded
