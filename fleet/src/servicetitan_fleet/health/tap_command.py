"""Runs a company's tap with a command that only reads, with the company's secrets and selection."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from servicetitan_fleet.meltano import pair_command
from servicetitan_fleet.meltano.error_collector import ErrorCollector
from servicetitan_fleet.meltano.log_lines import parse_line
from servicetitan_fleet.meltano.process import EndedBy
from servicetitan_fleet.meltano.project import TAP
from servicetitan_fleet.meltano.runner import CompanyMeltano
from servicetitan_fleet.meltano.system_folder import CHECK_PREFIX, hold_check
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_fleet.meltano.context import MeltanoContext
    from servicetitan_fleet.meltano.log_lines import LogLine
    from servicetitan_fleet.meltano.process import ProcessExit
    from servicetitan_fleet.registry.company import Company

_TIMEOUT_SECONDS = 180.0


def run_tap(company: Company, context: MeltanoContext, *options: str) -> list[LogLine]:
    """Run a company's tap with options and the catalog of its selection, and return the lines that it prints.

    Args:
        company: The company.
        context: What the companies' Meltano processes share. `system_root` gets a folder that is removed afterwards.
        options: Options of the tap.

    Raises:
        PluginError: If the company's secrets cannot be read, or the tap fails. The message is its last error.
    """
    secrets = context.resolver.resolve(company)
    # Without a catalog a tap takes its own default selection, as that of a company without `streams` should.
    catalog = [pair_command.WITH_CATALOG] if company.streams else []
    said: list[bytes] = []
    with (
        tempfile.TemporaryDirectory(prefix=CHECK_PREFIX, dir=context.system_root) as folder,
        hold_check(root := Path(folder)),
    ):
        own = replace(context, system_root=root, runs_pairs=True)
        end = CompanyMeltano(company=company, secrets=secrets, context=own).run(
            [pair_command.ASK, *catalog, TAP, *options],
            on_line=said.append,
            should_stop=lambda: False,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    lines = list(filter(None, map(parse_line, said)))
    if end.by is EndedBy.TIMEOUT or end.code:
        raise PluginError(_describe_failure(end, lines, options))
    return lines


def _describe_failure(end: ProcessExit, lines: Sequence[LogLine], options: Sequence[str]) -> str:
    if end.by is EndedBy.TIMEOUT:
        return f"no answer within {_TIMEOUT_SECONDS:g} seconds"
    errors = ErrorCollector()
    for line in lines:
        errors.add(line)
    return errors.reason or f"`{' '.join((TAP, *options))}` exited with code {end.code}"
