"""Compares streams of a company with their tables row by row: a dry run that reads everything of them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from servicetitan_fleet.cli.one_company import read_company
from servicetitan_fleet.cli.options import DEFAULT_MAX_AGE_HOURS
from servicetitan_fleet.cli.run_companies import RunOptions, run_companies
from servicetitan_fleet.health.etl_logs import LogReader
from servicetitan_fleet.health.evidence import SUCCESS
from servicetitan_fleet.health.live_rows import LiveRows
from servicetitan_fleet.meltano.context import Reread
from servicetitan_fleet.meltano.project import MeltanoProject
from servicetitan_fleet.meltano.registry_check import check_selected
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.plurals import pluralize
from servicetitan_fleet.plugin_runtime.redaction import to_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from servicetitan_fleet.health.evidence import StreamRun
    from servicetitan_fleet.registry.company import Company


def verify_in_full(  # noqa: PLR0913 - the options of a run
    streams: Sequence[str],
    *,
    registry: str,
    trusted: bool,
    storage: str,
    project_folder: Path,
    company_id: str,
    environment: str,
    timeout_minutes: float,
    work_folder: Path,
) -> None:
    """Read streams again and show, for each, in how many rows its table differs. Nothing is written.

    Raises:
        PluginError: If the company does not read one of the streams.
        SystemExit: With 1 if a table differs, or a stream could not be read to its end.
    """
    chosen = tuple(dict.fromkeys(streams))
    company = read_company(registry, company_id, trusted=trusted)
    check_selected(chosen, company, MeltanoProject(project_folder))
    started = utc_now()
    run_companies(
        RunOptions(
            registry=registry,
            trusted=trusted,
            storage=storage,
            project_folder=project_folder,
            only=[company_id],
            environment=environment,
            parallel=1,
            timeout_minutes=timeout_minutes,
            work_folder=work_folder,
            log_format="auto",
            dry_run=True,
            with_meltano_run=False,
            allow_mass_delete=chosen,
            max_age_hours=DEFAULT_MAX_AGE_HOURS,
            reread=Reread(streams=chosen),
        )
    )
    rows = LogReader(os.environ, started, dry_run=True).read(company).streams
    different = [row for row in rows if differences(row)]
    live_rows = _count_live_rows(company, chosen)
    for row in rows:
        equal = f"equal: {pluralize(row.rows_unchanged, 'row')}"
        click.echo(f"{row.stream}: {differences(row) or equal}{uncompared(row, live_rows.get(row.stream))}")
    if different:
        sys.exit(1)


def differences(row: StreamRun) -> str:
    """Return in how many rows a table differs from its source, in words; empty if it does not.

    A stream that could not be read is not known to be equal. Neither is one with records that were rejected: they are
    at the source, and not in the table.
    """
    if row.ending != SUCCESS:
        return f"not compared: {row.ending}{f': {to_line(row.error)}' if row.error else ''}"
    counts = {
        "missing": row.rows_inserted + row.rows_restored,
        "other values": row.rows_updated,
        "gone at the source": row.rows_deleted,
        "not fitting the schema": row.rows_rejected,
    }
    return ", ".join(f"{pluralize(count, 'row')} {what}" for what, count in counts.items() if count)


def uncompared(row: StreamRun, live_rows: int | None) -> str:
    """Return how many live rows of a table did not come, and were not found to be gone, in words; empty if none.

    Only a complete pass shows which rows are gone: not what is read from a start date on, or day by day.
    """
    rest = (live_rows or 0) - row.rows_unchanged - row.rows_updated - row.rows_deleted
    if rest <= 0 or row.ending != SUCCESS:
        return ""
    return f"; {pluralize(rest, 'live row')} more did not come: older than what is read, or gone at the source"


def _count_live_rows(company: Company, streams: Sequence[str]) -> dict[str, int | None]:
    """Return the numbers of live rows of the tables of some streams."""
    reader = LiveRows(company, os.environ)
    tables = reader.read_tables()
    known = [tables[stream] for stream in streams if stream in tables]
    return {table.stream: table.live_rows for table in reader.count(known, None, ())}
