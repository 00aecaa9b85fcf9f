"""The command `verify`: compares tables with their sources."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from servicetitan_fleet.cli.full_verification import verify_in_full
from servicetitan_fleet.cli.options import (
    companies_option,
    environment_option,
    only_option,
    project_option,
    storage_option,
    timeout_option,
    trust_option,
    work_folder_option,
)
from servicetitan_fleet.cli.reading_context import make_reading_context
from servicetitan_fleet.cli.refused import warn_of_disabled
from servicetitan_fleet.console.tables import comparison_table, make_console
from servicetitan_fleet.health.verification import Verdict
from servicetitan_fleet.health.verify_company import verify_company
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.plurals import pluralize
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.registry.open_registry import open_registry
from servicetitan_fleet.state.execution import execution_from

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from servicetitan_fleet.health.verification import Comparison
    from servicetitan_fleet.meltano.context import MeltanoContext
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.registry.entries import Entries


@click.command()
@companies_option
@trust_option
@storage_option
@project_option
@only_option
@click.option(
    "--full",
    metavar="STREAM",
    multiple=True,
    help="Read all of this stream, and compare it row by row. For one --company; repeat it for more streams.",
)
@environment_option
@timeout_option
@work_folder_option
@click.option(
    "--parallel", type=click.IntRange(1), default=4, show_default=True, help="Number of companies to verify at a time."
)
@click.option("--strict", is_flag=True, help="Exit with 1 for every difference, also for those that may be in order.")
def verify(  # noqa: PLR0913 - one parameter per option
    *,
    registry: str,
    trusted: bool,
    storage: str,
    project_folder: Path,
    only: Sequence[str],
    full: Sequence[str],
    environment: str,
    timeout_minutes: float,
    work_folder: Path,
    parallel: int,
    strict: bool,
) -> None:
    """Ask the sources how many records they have, and compare that with the tables' live rows.

    Nothing is written, and no company keeps the others from being compared. On Cloud Run, each task takes its share. A
    list takes one small request; of records that came after the last run none is expected. Export feeds and the lists
    of single records tell no total: `--full` reads them and compares every value, as a dry run.

    Exit code 0: no row is missing. 1: rows are missing, or something could not be compared that should have been.
    """
    if full:
        if len(only) != 1:
            raise click.UsageError("--full is for the streams of one company: name it with --company.")
        verify_in_full(
            full,
            registry=registry,
            trusted=trusted,
            storage=storage,
            project_folder=project_folder,
            company_id=only[0],
            environment=environment,
            timeout_minutes=timeout_minutes,
            work_folder=work_folder,
        )
        return
    execution = execution_from(os.environ)
    entries = open_registry(registry, os.environ, trusted=trusted).read().select(only)
    warn_of_disabled(entries, execution.task)
    entries = entries.share(execution.task, execution.tasks)
    context = make_reading_context(entries.companies, project_folder, environment)
    if not verify_counts(entries, context, parallel=parallel, strict=strict):
        sys.exit(1)


def verify_counts(entries: Entries, context: MeltanoContext, *, parallel: int, strict: bool) -> bool:
    """Print how the companies' tables compare with their sources, and return whether all are good."""

    def verify_safely(company: Company) -> Sequence[Comparison] | str:
        try:
            return verify_company(company, context)
        except PluginError as error:
            return to_line(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other companies are to be verified, too
            return to_line(f"{type(error).__name__}: {error}")

    are_good = [_show_problem(entry.name, entry.reason) for entry in entries.failed]
    with ThreadPoolExecutor(parallel, thread_name_prefix="verify") as pool:
        for company, found in zip(entries.companies, pool.map(verify_safely, entries.companies), strict=True):
            are_good.append(_show(company.company_id, found, strict=strict))
    return all(are_good)


def _show_problem(name: str, problem: str) -> bool:
    click.echo(f"{name}: {problem.removeprefix(f'{name}: ')}")  # some messages begin with the company, others do not
    return False


def _show(company_id: str, found: Sequence[Comparison] | str, *, strict: bool) -> bool:
    """Print what was found out about a company, and return whether it is good."""
    if isinstance(found, str):
        return _show_problem(company_id, found)
    counts = {verdict: sum(each.verdict is verdict for each in found) for verdict in Verdict}
    click.echo(f"{company_id}: {pluralize(len(found), 'stream')}: " + _summarize(counts))
    shown = [each for each in found if each.verdict is not Verdict.EQUAL]
    if shown:
        make_console().print(comparison_table(shown))
    bad = {Verdict.MISSING, *({Verdict.GONE, Verdict.NEWER} if strict else ())}
    return not any(each.verdict in bad or each.is_failure for each in found)


def _summarize(counts: dict[Verdict, int]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
