"""The command `notify`: shows the channels for alerts, and tests them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from servicetitan_fleet.cli.alerting import list_channels
from servicetitan_fleet.cli.options import companies_option, environment_option, only_option, trust_option
from servicetitan_fleet.notify.channels import company_entries, distinct
from servicetitan_fleet.notify.deadline import Deadline
from servicetitan_fleet.notify.message import Event, Message
from servicetitan_fleet.notify.place import place_from
from servicetitan_fleet.notify.sender import Sender
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.registry.secrets import SecretResolver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_fleet.notify.channels import Entry


@click.command()
@companies_option
@trust_option
@only_option
@environment_option
@click.option("--test", is_flag=True, help="Send a test message to each channel.")
def notify(*, registry: str, trusted: bool, only: Sequence[str], environment: str, test: bool) -> None:
    """Show the channels for alerts, and with --test try each of them.

    Exit code 0: all channels can be used. 1: one cannot, or a message has not arrived; its line says why.
    """
    opened = open_registry(registry, os.environ, trusted=trusted)
    entries = list_channels(opened, trusted=trusted)
    for company in opened.read().select(only).companies:
        entries += company_entries(company, trusted=trusted)
    if not entries:
        raise PluginError("no channel for alerts is set: add the list `notify` to the registry, or set ETL_NOTIFY")
    message = Message(event=Event.TEST, place=place_from(os.environ, environment))
    problems = [_try_channel(entry, message if test else None) for entry in distinct(entries)]
    if any(problems):
        sys.exit(1)


def _try_channel(entry: Entry, message: Message | None) -> str:
    """Print a line about a channel, and return what is wrong with it."""
    problem = entry.problem
    if entry.channel and message:
        sender = Sender(SecretResolver().read, Deadline(lambda: False))
        try:
            sender.send(entry.channel, message)
        except PluginError as error:
            problem = to_line(str(error))
    good = "arrived" if message else "ok"
    click.echo(f"{entry.label}: {problem or good}")
    return problem
