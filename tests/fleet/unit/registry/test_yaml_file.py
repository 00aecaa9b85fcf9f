"""The registry as a YAML file: reading it, and adding a company to it."""

from __future__ import annotations

import difflib
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.registry.yaml_file import append_company

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_fleet.registry.company import Company

STORED = "secret://projects/fleet/secrets/acme-{}/versions/latest"
SECRETS = {"client_id": "env:ACME_CLIENT_ID", "client_secret": STORED.format("cs"), "app_key": STORED.format("ak")}
NEW = {"company_id": "acme", "tenant_id": "0012", "project_id": "acme-data", "secrets": SECRETS}
TIDY = """\
# The fleet. Ask Ann before you change anything.
companies:
- company_id: one   # the first
  tenant_id: "1"
  project_id: project-1
  streams: ['jobs.*', invoices.*]
  secrets: {client_id: env:A, client_secret: env:B, app_key: env:C}

  # What follows is on trial.
- company_id: two
  tenant_id: '2'
  project_id: project-2
  secrets:
    client_id: env:A
    client_secret: env:B
    app_key: env:C
# the end
"""
INDENTED = "companies:\n" + "".join(f"{line and f'  {line}'}\n" for line in TIDY.splitlines()[2:])


@pytest.mark.parametrize("before", [TIDY, INDENTED, "", "companies: []\n"], ids=["tidy", "indented", "none", "empty"])
def test_adding_a_company_keeps_every_line(before: str, tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    if before:
        path.write_text(before)
        path.chmod(0o640)
    company = parse_company({**NEW, "streams": ["calls.*"], "enabled": False}, "here")
    open_registry(str(path), {}).add(company)
    after = path.read_text()
    if before.startswith(("#", "companies:\n")):
        removed = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]
        assert removed == []
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert open_registry(str(path), {}).read().companies[-1] == company
    assert [file.name for file in tmp_path.iterdir()] == ["companies.yml"]

    with pytest.raises(PluginError, match=r"company_id acme belongs to company [13] and the new company"):
        open_registry(str(path), {}).add(company)
    assert path.read_text() == after


@pytest.mark.parametrize("text", ["companies: {", "firms: []", "[]"])
def test_a_file_that_is_no_registry_is_refused(text: str) -> None:
    with pytest.raises(PluginError, match="the registry"):
        append_company(text, parse_company(NEW, "here"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("companies: {", "is not valid YAML"),
        ("firms: []", "has no list `companies`"),
        ("companies: {a: 1}", "has no list `companies`"),
        ("companies:", "has no list `companies`"),
        ("companies: []\ncompanies: []", "line 2, column 1: a field stands twice"),
        ("companies: [" * 2000, "is not valid YAML"),
    ],
)
def test_an_invalid_file_gives_an_error_of_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    with pytest.raises(PluginError, match="No such file"):
        open_registry(str(path), {}).read()
    path.write_text(text)
    with pytest.raises(PluginError, match=said) as caught:
        open_registry(str(path), {}).read()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("companies:\n- client_secret: @cs1.SUPERSECRET\n", ["line 2"], id="no token"),
        pytest.param("companies:\n- {client_secret: cs1.SUPERSECRET: x}\n", ["line 2"], id="no mapping"),
        pytest.param("companies:\n- project_id: a-b-c-d\n  project_id: SUPERSECRET\n", ["line 3", "twice"], id="twice"),
        pytest.param("companies:\n- a: !SUPERSECRET x\n", ["line 2, column 6"], id="tag"),
        pytest.param("companies:\n- !!int SUPERSECRET\n", ["is not valid YAML"], id="number"),
    ],
)
def test_what_is_wrong_with_the_text_is_said_without_the_text(text: str, parts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    path.write_text(text)
    with pytest.raises(PluginError) as caught:
        open_registry(str(path), {}).read()
    for part in [str(path), *parts]:
        assert part in str(caught.value)
    assert "SUPERSECRET" not in str(caught.value)


def test_an_unknown_field_that_may_be_a_secret_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    path.write_text(TIDY.replace("app_key: env:C}", "cs1.SUPERSECRET: env:C}"))
    (bad,) = open_registry(str(path), {}).read().bad
    assert "unknown field" in bad.reason
    assert "SUPERSECRET" not in repr(bad)


WORDS = [
    "no",
    "on",
    "yes",
    "Off",
    "null",
    "~",
    "true",
    "1:30",
    "1e3",
    "0123",
    "0o17",
    "0x1f",
    "1_000",
    "2026-01-01",
    ".nan",
]


@pytest.mark.parametrize("word", WORDS)
def test_names_are_texts_whatever_they_look_like(word: str, tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    added = parse_company({**NEW, "company_name": word, "streams": [word]}, "here")
    open_registry(str(path), {}).add(added)
    assert open_registry(str(path), {}).read().companies == [added]
    if word not in ("null", "~"):
        # By hand, without quotes.
        path.write_text(TIDY.replace("tenant_id: '2'", f"tenant_id: 2\n  company_name: {word}\n  streams: [{word}]"))
        _, two = open_registry(str(path), {}).read().companies
        assert (two.company_name, two.streams) == (word, (word,))


@pytest.mark.parametrize("company_id", ["no", "on", "yes", "null", "true", "y1e3"])
def test_ids_are_texts_whatever_they_look_like(company_id: str, tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    path.write_text(TIDY)
    added = parse_company({**NEW, "company_id": company_id}, "here")
    open_registry(str(path), {}).add(added)
    assert open_registry(str(path), {}).read().companies[-1] == added


@pytest.mark.parametrize(
    ("text", "tenant"),
    [("1234567", "1234567"), ("0012", "0012"), ("'0012'", "0012"), ("9223372036854775807", "9223372036854775807")],
)
def test_a_tenant_without_quotes_is_the_digits_that_stand_there(text: str, tenant: str, tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    path.write_text(TIDY.replace("'2'", text))
    assert open_registry(str(path), {}).read().companies[-1].tenant_id == tenant


@pytest.mark.parametrize("text", ["1e3", "0x10", "0o17", "1_000", "12.0", "~", "null", ""])
def test_a_tenant_that_is_no_row_of_digits_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    path.write_text(TIDY.replace("'2'", text))
    entries = open_registry(str(path), {}).read()
    assert [entry.name for entry in entries.bad] == ["two"]
    assert "tenant_id" in entries.bad[0].reason


def test_a_null_is_not_given_and_a_date_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    more = "company_name: ~\n  location:\n  tap: {start_date: 2026-01-01, page_size: null}"
    path.write_text(TIDY.replace("project_id: project-2", f"project_id: project-2\n  {more}"))
    _, two = open_registry(str(path), {}).read().companies
    assert (two.company_name, two.location, two.tap) == ("", "", {"start_date": "2026-01-01"})


def test_a_file_that_is_not_utf_8_is_one_line_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    path.write_bytes(TIDY.encode().replace(b"project-2", b"caf\xe9"))
    for touch in (open_registry(str(path), {}).read, lambda: open_registry(str(path), {}).add(parse_company(NEW, "x"))):
        with pytest.raises(PluginError) as caught:
            touch()
        assert str(caught.value) == f"{path} is not text in UTF-8: line 12, byte 18. Save it as UTF-8"


def test_of_many_who_add_at_once_nobody_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    path.write_text(TIDY)
    many = [
        parse_company({**NEW, "company_id": f"new-{n}", "tenant_id": f"9{n}", "project_id": f"new-project-{n}"}, "here")
        for n in range(20)
    ]
    together = threading.Barrier(len(many))

    def add(company: Company) -> None:
        together.wait()
        open_registry(str(path), {}).add(company)

    with ThreadPoolExecutor(len(many)) as pool:
        list(pool.map(add, many))
    entries = open_registry(str(path), {}).read()
    assert sorted(company.company_id for company in entries.companies[2:]) == sorted(new.company_id for new in many)
    assert entries.bad == []
    assert [file.name for file in tmp_path.iterdir()] == ["companies.yml"]
