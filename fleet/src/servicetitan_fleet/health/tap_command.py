"""Runs a command of a company's tap that only reads, with the company's secrets and selection."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from servicetitan_fleet.meltano.error_collector import ErrorCollector
from servicetitan_fleet.meltano.log_lines import parse_line
from servicetitan_fleet.meltano.process import EndedBy
from servicetitan_fleet.meltano.project import TAP
from servicetitan_fleet.meltano.runner import CompanyMeltano
from servicetitan_fleet.meltano.system_folder import CHECK_PREFIX, hold_check
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from servicetitan_fleet.meltano.context import MeltanoContext
    from servicetitan_fleet.meltano.log_lines import LogLine
    from servicetitan_fleet.meltano.process import ProcessExit
    from servicetitan_fleet.registry.company import Company

_TIMEOUT_SECONDS = 180.0

_CATALOG = Path("run") / TAP / "tap.properties.json"
"""Where Meltano writes the catalog with the company's selection, below a system folder."""


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
    with (
        tempfile.TemporaryDirectory(prefix=CHECK_PREFIX, dir=context.system_root) as folder,
        hold_check(root := Path(folder)),
    ):
        meltano = CompanyMeltano(company=company, secrets=secrets, context=replace(context, system_root=root))
        catalog = []
        if company.streams:
            # Without a catalog the tap would take its default selection, which differs from this company's.
            _run_meltano(meltano, ["invoke", "--dump", "catalog", TAP])
            catalog = ["--catalog", str(root / company.company_id / _CATALOG)]
        return list(_parse(_run_meltano(meltano, ["invoke", TAP, *options, *catalog])))


def _run_meltano(meltano: CompanyMeltano, arguments: Sequence[str]) -> list[bytes]:
    """Run a Meltano command and return the lines that it printed, as they are: a catalog has tens of thousands.

    Raises:
        PluginError: If the command fails. The message is the last error that it logged.
    """
    lines: list[bytes] = []
    end = meltano.run(arguments, on_line=lines.append, should_stop=lambda: False, timeout_seconds=_TIMEOUT_SECONDS)
    if end.by is EndedBy.TIMEOUT or end.code:
        errors = ErrorCollector()
        for line in _parse(lines):
            errors.add(line)
        raise PluginError(_describe_failure(end, errors.reason, arguments))
    return lines


def _parse(lines: Iterable[bytes]) -> Iterator[LogLine]:
    """Yield the lines that say something, in which secrets are masked: each is searched for every secret."""
    return filter(None, map(parse_line, lines))


def _describe_failure(end: ProcessExit, reason: str, arguments: Sequence[str]) -> str:
    if end.by is EndedBy.TIMEOUT:
        return f"no answer within {_TIMEOUT_SECONDS:g} seconds"
    return reason or f"`meltano {' '.join(arguments)}` exited with code {end.code}"
