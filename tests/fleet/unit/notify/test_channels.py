"""The declared channels: valid ones, invalid ones, and those that only a trusted registry may have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_fleet.notify.channels import Slack, distinct, parse_entries, read_entries
from servicetitan_fleet.notify.trouble import TroubleKind
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.yaml_file import FileRegistry

if TYPE_CHECKING:
    from pathlib import Path

MAIL = {"kind": "email", "host": "smtp.example.com", "from": "etl@example.com", "to": ["oncall@example.com"]}
LOGIN = {"user": "etl", "password": "env:SMTP_PASSWORD"}
GOOD: list[dict[str, Any]] = [
    {"kind": "slack", "url": "env:SLACK_URL"},
    {"kind": "google_chat", "url": "secret://projects/p/secrets/chat/versions/latest"},
    {"kind": "webhook", "url": "env:HOOK", "on": ["failed", "stale"]},
    {"kind": "pagerduty", "routing_key": "env:PD_KEY"},
    MAIL,
]


def problem(fields: object, *, trusted: bool = False) -> str:
    (entry,) = parse_entries([fields], "`notify`", trusted=trusted)
    assert (entry.channel is None) == bool(entry.problem)
    return entry.problem


@pytest.mark.parametrize("fields", GOOD, ids=lambda fields: fields["kind"])
def test_a_channel_is_named_by_its_kind_and_place(fields: dict[str, Any]) -> None:
    (entry,) = parse_entries([fields], "`notify`", trusted=False)
    assert entry.channel
    assert entry.label == f"{fields['kind']}, entry 1 of `notify`"
    assert entry.channel.wants(TroubleKind.STALE)
    assert entry.channel.wants(TroubleKind.KILLED) == ("on" not in fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "slack", "url": "https://hooks.slack.com/services/T0/B0/s3cr3t"}, "`url`: give a reference"),
        ({"kind": "slack"}, "missing required field `url`"),
        ({"kind": "s3cr3t", "url": "env:A"}, "`kind`: give `email`"),
        ({"kind": "slack", "url": "env:A", "s3cr3t key!": 1}, "unknown field"),
        ({"kind": "slack", "url": "env:A", "on": ["s3cr3t"]}, "`on`: give a list of failed, timed_out"),
        ({"kind": "pagerduty", "routing_key": "s3cr3t"}, "`routing_key`: give a reference"),
        ({**MAIL, "to": []}, "`to`: give a list of addresses"),
        ({**MAIL, "from": "s3cr3t\nBcc: x@example.com"}, "`from`: give an address"),
        ({**MAIL, **LOGIN, "password": "s3cr3t"}, "`password`: give a reference"),
        ({**MAIL, "user": "etl"}, "`user` and `password` go together"),
        ({**MAIL, **LOGIN, "security": "none"}, "only over an encrypted connection"),
        ("s3cr3t", "Expected `object`"),
    ],
)
def test_an_invalid_channel_is_explained_without_its_text(fields: object, said: str) -> None:
    found = problem(fields, trusted=True)
    assert said in found
    assert "s3cr3t" not in found


@pytest.mark.parametrize(
    "fields",
    [{"kind": "pagerduty", "routing_key": "env:K", "url": "https://pd.example.com"}, {**MAIL, **LOGIN}],
    ids=lambda fields: fields["kind"],
)
def test_the_registry_does_not_decide_by_itself_which_server_gets_a_secret(fields: dict[str, Any]) -> None:
    assert "the registry may not decide this by itself" in problem(fields)
    assert problem(fields, trusted=True) == ""
    # Whoever sets the environment may do so.
    assert read_entries([], {"ETL_NOTIFY": json.dumps([fields])}, trusted=False)[0].problem == ""


def test_the_name_on_is_a_name_in_the_file_and_not_the_value_true(tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    path.write_text("notify: [{kind: slack, url: 'env:A', on: [failed]}]\ncompanies: []\n")
    (entry,) = parse_entries(FileRegistry(path, trusted=False).read_notify(), "`notify`", trusted=False)
    assert entry.channel
    assert entry.channel.on == (TroubleKind.FAILED,)


def test_one_wrong_entry_affects_no_other() -> None:
    entries = read_entries([{"kind": "x"}, *GOOD], {"ETL_NOTIFY": "not JSON, s3cr3t"}, trusted=False)
    assert [bool(entry.problem) for entry in entries] == [True, *[False] * len(GOOD), True]
    assert "s3cr3t" not in entries[-1].problem
    assert parse_entries({"kind": "slack"}, "`notify`", trusted=False)[0].problem == "it is not a list"


def test_a_channel_that_is_given_twice_is_one_and_wants_what_both_want() -> None:
    slack = {"kind": "slack", "url": "env:A"}
    entries = parse_entries(
        [{**slack, "on": ["failed"]}, {**slack, "on": ["stale"]}, {"kind": "slack", "url": "env:B", "on": ["stale"]}],
        "`notify`",
        trusted=False,
    )
    first, second = distinct(entries)
    assert isinstance(first.channel, Slack)
    assert first.channel.on == (TroubleKind.FAILED, TroubleKind.STALE)
    assert second.channel
    assert second.channel.on == (TroubleKind.STALE,)
    both = distinct([*entries, *parse_entries([slack], "`notify`", trusted=False)])
    assert [entry.channel.on for entry in both if entry.channel] == [(), (TroubleKind.STALE,)]


def test_a_wrong_channel_does_not_make_its_company_unreadable() -> None:
    secrets = dict.fromkeys(("client_id", "client_secret", "app_key"), "env:A")
    fields = {"company_id": "acme", "tenant_id": "1", "project_id": "acme-data", "secrets": secrets}
    assert parse_company({**fields, "notify": [{"kind": "nonsense"}]}, "here").notify == ({"kind": "nonsense"},)
