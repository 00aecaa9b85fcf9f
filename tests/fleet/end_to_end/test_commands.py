"""A command of `orchestrate-etl` loads what it needs, and no other command."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from servicetitan_fleet.cli.main import orchestrate_etl

LIST_MODULES = """\
import click, sys
from servicetitan_fleet.cli.main import orchestrate_etl
orchestrate_etl.get_command(click.Context(orchestrate_etl), sys.argv[1])
print(*sys.modules)
"""

COMMANDS = [
    *("add-company", "check", "dashboard", "group-views", "notify", "plan"),
    *("report", "resync", "run", "status", "verify"),
]


@pytest.mark.parametrize("command", ["plan", "status"])
def test_a_screen_does_not_wait_for_the_libraries_of_other_commands(command: str) -> None:
    listing = [sys.executable, "-c", LIST_MODULES, command]
    loaded = set(subprocess.run(listing, capture_output=True, check=True, text=True).stdout.split())
    assert {f"servicetitan_fleet.cli.{command}", "rich"} <= loaded
    assert not loaded & {"jinja2", "http.server", "smtplib", "google.cloud.secretmanager", "servicetitan_fleet.meltano"}


def test_help_lists_all_commands_and_a_mistyped_one_is_recognized() -> None:
    shown = CliRunner().invoke(orchestrate_etl, ["--help"]).output.partition("Commands:\n")[2]
    assert [line.split()[0] for line in shown.splitlines()] == COMMANDS
    assert "Did you mean 'status'?" in CliRunner().invoke(orchestrate_etl, ["stauts"]).output
