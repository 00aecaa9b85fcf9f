"""The registry as a YAML file: reading it, and adding a company to it."""

from __future__ import annotations

import difflib
import json
import stat
from typing import TYPE_CHECKING

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.registry.yaml_file import append_company

if TYPE_CHECKING:
    from pathlib import Path

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
    assert open_registry(str(path), {}).read()[-1] == company
    assert [file.name for file in tmp_path.iterdir()] == ["companies.yml"]

    with pytest.raises(PluginError, match="company_id acme belongs to acme and acme"):
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
        ("companies: [{company_id: one}]", "company 1: Object missing required field `tenant_id`"),
        (json.dumps({"companies": [NEW] * 2}), "company_id acme belongs to acme and acme"),
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
        pytest.param(TIDY.replace("app_key: env:C}", "cs1.SUPERSECRET: env:C}"), ["unknown field"], id="field"),
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
