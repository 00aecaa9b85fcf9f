"""The streams and settings that the registry names, against those of the installed plugins."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from servicetitan_fleet.meltano.plugin_facts import PluginFacts
from servicetitan_fleet.meltano.project import TAP, TARGET, MeltanoProject
from servicetitan_fleet.meltano.registry_check import (
    check_selected,
    find_bad_settings,
    find_unknown_streams,
    unknown_streams,
)
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.company import Company, parse_company

ROOT = Path(__file__).parents[4]
SECRETS = {"client_id": "env:A", "client_secret": "env:B", "app_key": "env:C"}


def company(**more: object) -> Company:
    fields = {"company_id": "acme", "tenant_id": "1", "project_id": "project-1", "secrets": SECRETS}
    return parse_company({**fields, **more}, "here")


@pytest.fixture(scope="module")
def project() -> MeltanoProject:
    """The project, with the plugins of this Python environment."""
    project = MeltanoProject(ROOT)
    project.facts = PluginFacts(lambda plugin: Path(sys.executable).with_name(plugin))
    return project


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [("invoicess.*", ", perhaps `invoices` is meant"), ("!jobz.summary", ", perhaps `jobs` is meant"), ("qqqqqqq", "")],
)
def test_a_pattern_that_matches_no_stream_is_named(pattern: str, hint: str) -> None:
    patterns = ["jobs.*", "inv*.id", "!jobs.summary", "*.*", pattern]
    assert list(unknown_streams(patterns, ["invoices", "jobs"])) == [
        f"no stream of the tap matches `{pattern}` in `streams`{hint}"
    ]


def test_the_installed_tap_says_which_streams_there_are(project: MeltanoProject) -> None:
    reports = [{"name": "my_report", "category": "c", "id": 5}]
    extra = [{"name": "proposal_types", "path": "/sales/v2/tenant/{tenant}/proposal-types"}]
    tap = {"reports": reports, "extra_streams": extra}
    odd = company(streams=["jobs.*", "my_report.*", "proposal_types.*", "invoicess.*"], tap=tap)
    assert [line.split("`")[1] for line in find_unknown_streams(odd, project)] == ["invoicess.*"]
    assert list(find_unknown_streams(company(), project)) == []


def test_the_installed_plugins_say_which_settings_they_accept(project: MeltanoProject) -> None:
    tap = {"page_size": 9999, "pii_salt": "env:SALT", "pagesize": 5}
    assert list(find_bad_settings(company(tap=tap, target={"keyless_streams": "drop"}), project)) == [
        f"{TAP}: there is no setting `pagesize`, perhaps `page_size` is meant",
        f"{TAP}: `page_size` must be at most 5000",
        f"{TARGET}: `keyless_streams` must be one of append, replace",
    ]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (None, "cannot start tap-servicetitan: No such file or directory: run `meltano install`"),
        ("#!/bin/sh\nexit 3\n", "`tap-servicetitan --discover` exited with code 3"),
        ("#!/bin/sh\necho hello\n", "`tap-servicetitan --discover` printed no JSON"),
    ],
)
def test_a_plugin_that_does_not_say_is_an_error_of_one_line(program: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "tap"
    if program:
        path.write_text(program)
        path.chmod(0o755)
    facts = PluginFacts(lambda _: path)
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            facts.streams(TAP)
        assert str(caught.value) == said


@pytest.mark.parametrize("pattern", ["*", "!jobs", "job*", "jobs.id"])
def test_a_pattern_is_no_stream_to_read_again(project: MeltanoProject, pattern: str) -> None:
    check_selected(["jobs"], company(), project)
    with pytest.raises(PluginError, match=f"acme: `{re.escape(pattern)}` is a pattern: give the names of streams"):
        check_selected([pattern], company(), project)
