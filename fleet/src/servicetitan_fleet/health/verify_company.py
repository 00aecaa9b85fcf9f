"""Verifies a company: asks its source how many records there are, and counts the rows of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from servicetitan_fleet.health.live_rows import LiveRows
from servicetitan_fleet.health.tap_command import run_tap
from servicetitan_fleet.health.verification import SourceCount, compare, compared_until
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.registry.selection import is_selected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from servicetitan_fleet.health.verification import Comparison
    from servicetitan_fleet.meltano.context import MeltanoContext
    from servicetitan_fleet.meltano.log_lines import LogLine
    from servicetitan_fleet.registry.company import Company

_counts = msgspec.json.Decoder(SourceCount)


def verify_company(company: Company, context: MeltanoContext) -> Sequence[Comparison]:
    """Compare the streams of a company with its tables. Nothing is written.

    Raises:
        PluginError: If the source or the tables cannot be read.
    """
    rows = LiveRows(company, context.variables)
    tables = rows.read_tables()
    until = compared_until(table for name, table in tables.items() if is_selected(name, company.streams))
    options = ["--created-before", f"{until:%Y-%m-%dT%H:%M:%SZ}"] if until else []
    sources = list(_parse(run_tap(company, context, "--count", *options)))
    if not sources:
        raise PluginError("the tap counted no stream")
    counted = {source.stream for source in sources if source.count is not None}
    limited = {source.stream for source in sources if source.created_before}
    known = [table for stream, table in tables.items() if stream in counted]
    found = {**tables, **{table.stream: table for table in rows.count(known, until, limited)}}
    return [compare(source, found.get(source.stream)) for source in sources]


def _parse(lines: Iterable[LogLine]) -> Iterable[SourceCount]:
    """Yield the counts among the lines that a tap prints."""
    for line in lines:
        try:
            yield _counts.decode(line.message)
        except msgspec.MsgspecError:
            continue  # a line of its log
