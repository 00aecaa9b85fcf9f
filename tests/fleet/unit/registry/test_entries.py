"""A bad entry of the registry concerns its own company only."""

from __future__ import annotations

from typing import Any

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.entries import Entries, check_addition, parse_entries

SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}


def fields(number: int, **changes: object) -> dict[str, Any]:
    plain = {"company_id": f"co-{number}", "tenant_id": str(number), "project_id": f"project-{number}"}
    return {**plain, "secrets": SECRETS, **changes}


def parse(*entries: object, trusted: bool = False) -> Entries:
    return parse_entries(
        [(f"company {number}", entry) for number, entry in enumerate(entries, 1)], "companies.yml", trusted=trusted
    )


def ids(entries: Entries) -> list[str]:
    return [company.company_id for company in entries.companies]


def names(entries: Entries) -> list[str]:
    return [entry.name for entry in entries.bad]


LOOP: dict[str, Any] = fields(2)
LOOP["tap"] = LOOP


@pytest.mark.parametrize(
    ("bad", "name", "reason"),
    [
        (fields(2, tenant_id=None), "co-2", "companies.yml, company 2: Object missing required field `tenant_id`"),
        (fields(2, location="Mars"), "co-2", "`location` does not have the right form: give a location"),
        (fields(2, colour="red"), "co-2", "unknown field `colour`"),
        (fields(2, tap={"api_url": "https://elsewhere.test"}), "co-2", "co-2 sets `tap.api_url`"),
        (fields(2, company_id="Not An Id"), "company 2", "`company_id`"),
        (fields(2, company_id=7), "company 2", "`company_id`"),
        (fields(2, company_id="\x1b[2J"), "company 2", "`company_id`"),
        ("a text", "company 2", "companies.yml, company 2: Expected `object`"),
        (None, "company 2", "companies.yml, company 2: Expected `object`"),
        ({5: 6}, "company 2", "companies.yml, company 2: "),
        (LOOP, "co-2", "companies.yml, company 2: "),
    ],
)
def test_a_bad_entry_stops_no_other_company(bad: object, name: str, reason: str) -> None:
    entries = parse(fields(1), bad, fields(3))
    assert ids(entries) == ["co-1", "co-3"]
    assert names(entries) == [name]
    assert reason in entries.bad[0].reason
    assert "elsewhere" not in entries.bad[0].reason


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"company_id": "co-1"}, "company_id co-1 belongs to company 1 and company 2"),
        ({"tenant_id": "001"}, "tenant_id 1 belongs to co-1 and co-2"),
        ({"project_id": " Project-1 "}, "project_id project-1 belongs to co-1 and co-2"),
        ({"tenant_id": "1", "enabled": "perhaps"}, "tenant_id 1 belongs to co-1 and co-2"),
        ({"tenant_id": 1}, "tenant_id 1 belongs to co-1 and co-2"),
    ],
)
def test_of_two_that_share_something_both_are_refused(changes: dict[str, Any], said: str) -> None:
    entries = parse(fields(1), fields(2, **changes), fields(3))
    assert ids(entries) == ["co-3"]
    assert len(set(names(entries))) == 2
    assert all(said in entry.reason for entry in entries.bad)


def test_what_looks_like_no_id_is_not_shown() -> None:
    entries = parse(fields(1, tenant_id="the-secret"), fields(2, tenant_id="the-secret"))
    assert all("tenant_id belongs to co-1 and co-2" in entry.reason for entry in entries.bad)
    assert "the-secret" not in repr(entries)


def test_a_company_runs_whatever_the_others_are() -> None:
    entries = parse(fields(1), fields(2, location="Mars"), fields(3, enabled=False), {})
    assert (ids(entries.select([])), names(entries.select([]))) == (["co-1"], ["co-2", "company 4"])
    assert (ids(entries.select(["co-3", "co-3"])), names(entries.select(["co-3"]))) == (["co-3"], [])
    assert (ids(entries.select(["co-2"])), names(entries.select(["co-2"]))) == ([], ["co-2"])
    with pytest.raises(PluginError, match="no company co-9; it has co-1, co-2, co-3"):
        entries.select(["co-9"])


def test_a_disabled_bad_entry_is_a_warning_unless_it_is_named() -> None:
    entries = parse(fields(1), fields(2, location="Mars", enabled=False))
    assert entries.select([]).failed == []
    (warning,) = entries.select([]).warnings
    assert warning.startswith("co-2 is disabled, and refused: companies.yml, company 2: ")
    assert [entry.name for entry in entries.select(["co-2"]).failed] == ["co-2"]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "the registry has no company: add one with `orchestrate-etl add-company`"),
        (
            [fields(1, enabled=False), fields(2, enabled=False, location="Mars")],
            r"no company .* is enabled \(2",
        ),
    ],
)
def test_without_a_company_to_run_there_is_an_error(entries: list[Any], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        parse(*entries).select([])
    assert parse(fields(1, location="Mars")).select([]).failed


def test_a_trusted_registry_decides_by_itself() -> None:
    assert ids(parse(fields(1, tap={"api_url": "https://elsewhere.test"}), trusted=True)) == ["co-1"]


@pytest.mark.parametrize("other", [fields(1), fields(1, location="Mars"), fields(1, company_id="Not An Id")])
def test_a_new_company_shares_nothing_with_any_entry(other: dict[str, Any]) -> None:
    new = parse_company(fields(2, project_id="project-1"), "here")
    with pytest.raises(PluginError, match=r"project_id project-1 belongs to (co-1|company 1) and co-2"):
        check_addition([("company 1", other)], new)
    check_addition([("company 1", other)], parse_company(fields(3), "here"))


@pytest.mark.parametrize("tasks", [1, 2, 3, 7])
def test_each_entry_is_one_tasks(tasks: int) -> None:
    entries = parse(*(fields(number) for number in range(5)), None, "a text")
    shares = [entries.share(task, tasks) for task in range(tasks)]
    assert sorted(found for share in shares for found in ids(share)) == ids(entries)
    assert sorted(found for share in shares for found in names(share)) == names(entries)
    assert max(len(share.companies) for share in shares) - min(len(share.companies) for share in shares) <= 1
