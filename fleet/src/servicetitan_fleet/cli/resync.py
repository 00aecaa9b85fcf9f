"""The command `resync`: reads streams of a company again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from servicetitan_fleet.cli.one_company import read_company
from servicetitan_fleet.cli.options import (
    DEFAULT_MAX_AGE_HOURS,
    allow_mass_delete_option,
    companies_option,
    environment_option,
    log_format_option,
    one_company_option,
    project_option,
    storage_option,
    timeout_option,
    trust_option,
    with_meltano_run_option,
    work_folder_option,
)
from servicetitan_fleet.cli.run_companies import RunOptions, run_companies
from servicetitan_fleet.meltano.context import Reread
from servicetitan_fleet.meltano.project import MeltanoProject
from servicetitan_fleet.meltano.registry_check import check_selected

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@companies_option
@trust_option
@storage_option
@project_option
@one_company_option
@click.option(
    "--stream",
    "streams",
    metavar="STREAM",
    multiple=True,
    required=True,
    help="Stream to read again. Can be repeated.",
)
@click.option(
    "--since",
    callback=lambda _context, _option, text: text and _to_day(text),
    metavar="DAY",
    help="Read only what has changed since this day (UTC), such as 2024-02-29. Deleted records are then not found.",
)
@environment_option
@timeout_option
@work_folder_option
@log_format_option
@with_meltano_run_option
@allow_mass_delete_option
def resync(*, company_id: str, streams: Sequence[str], since: date | None, **options: Any) -> None:  # noqa: ANN401 - fields of RunOptions
    """Read streams of a company again, and nothing else.

    Everything is read of them, whatever their bookmarks say, and compared with the tables: rows that differ are
    updated, and those that the source lacks are marked deleted. The bookmarks stay where they are, and the company's
    record does not count it as a run.

    Exit code 0: all of the streams were read to their end, and written. 1: some were not; the last lines list them.
    """
    chosen = tuple(dict.fromkeys(streams))
    company = read_company(options["registry"], company_id, trusted=options["trusted"])
    check_selected(chosen, company, MeltanoProject(options["project_folder"]))
    run_companies(
        RunOptions(
            only=[company_id],
            parallel=1,
            dry_run=False,
            max_age_hours=DEFAULT_MAX_AGE_HOURS,
            reread=Reread(streams=chosen, since=str(since)) if since else Reread(streams=chosen),
            **options,
        )
    )


def _to_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a day such as 2024-02-29.") from error
