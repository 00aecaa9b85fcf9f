"""A tap that the fleet asks is given and says what it is given and says with `meltano invoke`, and nothing stays."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_fleet.health.tap_command import run_tap
from servicetitan_fleet.meltano import pair_command
from servicetitan_fleet.meltano.context import MeltanoContext
from servicetitan_fleet.meltano.error_collector import ErrorCollector
from servicetitan_fleet.meltano.log_lines import parse_line
from servicetitan_fleet.meltano.project import TAP, MeltanoProject
from servicetitan_fleet.meltano.runner import CompanyMeltano
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_sandbox.client.control import Tenant
from servicetitan_sandbox.client.fleet import secrets_of
from support.fleet.recording_project import make_recording_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servicetitan_fleet.registry.company import Company
    from servicetitan_sandbox.client import meltano_project
    from servicetitan_sandbox.client.processes import ServiceTitan

SECRET = "cs-of-one-s3cr3t"
SETTINGS_ONLY = frozenset({"settings"})
CHANGES = {"MELTANO_CONTEXT_UUID", "MELTANO_PARENT_CONTEXT_UUID", "MELTANO_JOB_TRIGGER", "LC_CTYPE"}
"""Variables that no plugin reads: ids of a process, and how it was started."""
VARIES = re.compile(r"trace id \w+|checks/\w+")
"""What no two runs of the tap have in common: ids, and its folder."""
_BANNER = re.compile(rb" Meltano [\d.]+, Python ")
OF_PROCESS = {"timestamp", "run_id", "pid"}
"""Fields of a line that no two processes have in common."""


@dataclass(frozen=True)
class Asked:
    """A company whose tap is asked, and what its processes share."""

    company: Company
    context: MeltanoContext

    def ask(self, *options: str) -> dict[str, Any]:
        """Ask as the fleet does, and return what was found out about it."""
        catalog = [pair_command.WITH_CATALOG] if self.company.streams else []
        return self._run("pair", [[pair_command.ASK, *catalog, TAP, *options]])

    def ask_by_meltano(self, *options: str) -> dict[str, Any]:
        """Ask with `meltano invoke`, which makes a catalog of its own accord only for a run."""
        commands = [["invoke", TAP, *options]]
        if self.company.streams:
            catalog = self.context.system_root / "checks/meltano/one/run" / TAP / "tap.properties.json"
            commands = [["invoke", "--dump", "catalog", TAP], [*commands[0], "--catalog", str(catalog)]]
        return self._run("meltano", commands)

    def _run(self, name: str, commands: list[list[str]]) -> dict[str, Any]:
        folder = self.context.system_root / "checks" / name
        context = replace(self.context, system_root=folder, runs_pairs=name == "pair")
        meltano = CompanyMeltano(
            company=self.company, secrets=self.context.resolver.resolve(self.company), context=context
        )
        warnings: set[str] = set()
        for command in commands:
            said: list[bytes] = []
            end = meltano.run(command, on_line=said.append, should_stop=lambda: False, timeout_seconds=120)
            errors = ErrorCollector()
            for line in filter(None, map(parse_line, said)):
                errors.add(line)
            warnings |= _warnings(said)
            reason = errors.reason
            if end.code:
                break
        assert not list(folder.rglob("*.config.json"))
        return {
            "code": end.code,
            "reason": VARIES.sub("-", reason),
            "said": [_without_run(line) for line in said if _is_of_tap(line)],
            "warnings": warnings,
            "given": _given(folder / "one/tap.json"),
        }


def _parse(line: bytes) -> dict[str, Any]:
    """Return the fields of a line of a log. None of a line that a program just prints."""
    try:
        fields: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return fields if "level" in fields else {}


def _warnings(said: list[bytes]) -> set[str]:
    """Return the warnings of Meltano."""
    return {
        fields["event"] for fields in map(_parse, said) if fields.get("level") == "warning" and "stdio" not in fields
    }


def _is_of_tap(line: bytes) -> bool:
    """Return whether a line is from a tap that was asked: not from Meltano, nor from a discovery."""
    fields = _parse(line)
    return fields.get("cmd_type") == "command" if fields else not _BANNER.search(line)


def _without_run(line: bytes) -> object:
    """Return what a line says, but not when and by which process."""
    fields = _parse(line)
    event = VARIES.sub("-", str(fields.get("event")))
    return (
        {**{name: value for name, value in fields.items() if name not in OF_PROCESS}, "event": event}
        if fields
        else line
    )


def _given(path: Path) -> object:
    """Return what the recording tap was given. None if it is another tap, or was not started."""
    if not path.exists():
        return None
    given = json.loads(path.read_text().replace(str(path.parents[1]), "HERE"))
    for name in CHANGES & given["environment"].keys():
        del given["environment"][name]
    return given


def make_asked(project: Path, folder: Path, values: Mapping[str, str], **fields: object) -> Asked:
    """Return a company with fields of its registry entry."""
    company = parse_company({"company_id": "one", "tenant_id": "1", "project_id": "project-one", **fields}, "here")
    context = MeltanoContext(
        project=MeltanoProject(project),
        environment_name="dev",
        variables={"PATH": os.environ["PATH"], "HOME": str(folder)},
        resolver=SecretResolver(values),
        system_root=folder,
    )
    return Asked(company, context)


@pytest.mark.parametrize("streams", [["people.*", "!people.hidden", "things.id", "absent.*"], []])
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"start_date": "2021-01-01", "pii": ["people.name"]}, ""),
        ({"page_size": 3}, ""),
        ({"max_retries": 5}, "Could not dump catalog: Catalog discovery failed: the discovery's own words"),
    ],
    ids=["good", "bad", "undiscovered"],
)
def test_the_tap_is_given_and_says_the_same_in_either_way(
    tmp_path: Path, streams: list[str], settings: dict[str, Any], reason: str
) -> None:
    make_recording_project(tmp_path / "project")
    secrets = {"ID": "cid-of-one", "SECRET": SECRET, "KEY": 'ak-$UPPER${x}"\\/-s3cr3t'}
    references = {"client_id": "env:ID", "client_secret": "env:SECRET", "app_key": "env:KEY"}
    asked = make_asked(tmp_path / "project", tmp_path, secrets, streams=streams, secrets=references, tap=settings)

    ours, theirs = asked.ask("--test", "--more"), asked.ask_by_meltano("--test", "--more")

    for each in (ours, theirs):
        each["said"].sort(key=repr)  # its output and its log are two ways
    assert ours == theirs
    is_discovered = "max_retries" not in settings or not streams
    assert ours["reason"] == ("" if is_discovered else reason)
    assert (ours["given"] is not None) == is_discovered
    if is_discovered:
        assert ours["code"] == settings.get("page_size", 0)
        assert ours["given"]["other arguments"] == ["--test", "--more"]
        assert ("--catalog" in ours["given"]["files"]) == bool(streams)
        answer = next(line for line in ours["said"] if isinstance(line, bytes))
        assert answer == '{"answer": "ä"}'.encode()
        assert [line["event"] for line in ours["said"] if line != answer] == ["the tap's own words"]


@pytest.mark.parametrize(
    ("company", "reason"),
    [
        ({}, ""),
        ({"scopes": SETTINGS_ONLY}, ""),
        (
            {"scopes": SETTINGS_ONLY, "settings": {"on_missing_module": "fail"}},
            "1 of 2 streams cannot be read: activities",
        ),
        ({"secret": f"another-{SECRET}"}, "the sign-in for tenant 1 was refused"),
        ({"settings": {"page_size": 9999}}, "`page_size`"),
    ],
    ids=["good", "scopeless", "failing", "refused", "bad setting"],
)
def test_the_fleet_tells_what_the_real_tap_says(
    tmp_path: Path,
    meltano: meltano_project.MeltanoProject,
    servicetitan: ServiceTitan,
    company: dict[str, Any],
    reason: str,
) -> None:
    fields = {"tenant_id": "1", "client_id": "cid-1", "client_secret": SECRET, "app_key": "ak-s3cr3t", "seed": 1}
    tenant = Tenant.model_validate({**fields, "sizes": {"technicians": 3}, "scopes": company.get("scopes")})
    servicetitan.control.add_tenant(tenant)
    secrets, references = secrets_of("one", tenant)
    asked = make_asked(
        meltano.folder,
        tmp_path,
        secrets | {"ONE_CLIENT_SECRET": company.get("secret", SECRET)},
        streams=["technicians.*", "activities.*"],
        secrets=references,
        tap={"api_url": servicetitan.api_url, "auth_url": servicetitan.auth_url, "max_retries": 1}
        | company.get("settings", {}),
    )

    ours, theirs = asked.ask("--test"), asked.ask_by_meltano("--test")

    assert ours == theirs
    assert bool(ours["code"]) == bool(ours["reason"]) == bool(reason)
    assert reason in ours["reason"]
    checks = tmp_path / "empty"
    checks.mkdir()
    context = replace(asked.context, system_root=checks)
    if reason:
        with pytest.raises(PluginError) as caught:
            run_tap(asked.company, context, "--test")
        assert VARIES.sub("-", str(caught.value)) == ours["reason"]
    else:
        told = {VARIES.sub("-", line.message) for line in run_tap(asked.company, context, "--test")}
        assert {line["event"] for line in theirs["said"]} <= told
    assert list(checks.iterdir()) == []
