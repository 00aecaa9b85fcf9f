"""What the audit log of a company says of one run: how the streams ended, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.fleet.outcome import Ending, StreamEnding
from servicetitan_fleet.fleet.time_spent import TargetTime
from servicetitan_fleet.fleet.verdict import AuditLog
from servicetitan_fleet.health.etl_logs import LogReader
from servicetitan_fleet.plugin_runtime.redaction import to_line
from servicetitan_fleet.registry.selection import is_selected

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from servicetitan_fleet.health.evidence import StreamRun
    from servicetitan_fleet.registry.company import Company

RETRY_SECONDS = 60.0
"""Long, because nobody is waiting, and a run whose log cannot be read is not known to be good."""

NO_ROW = "the audit log has no row of it"


@dataclass(frozen=True, kw_only=True)
class RunLog:
    """Reads, after a run, what the audit log says of it."""

    environment: Mapping[str, str]
    """May name a BigQuery emulator."""

    dry_run: bool
    """Whether the run was a dry run."""

    only: Sequence[str] = ()
    """The streams that the run reads, if they are not those of the registry."""

    may_rename: bool = False
    """Whether `meltano.yml` has stream maps, by which a stream may have another name in the audit log."""

    def read(self, company: Company, since: dt.datetime) -> AuditLog:
        """Read the rows of a company's run.

        Args:
            company: The company.
            since: Start of the run.

        Raises:
            PluginError: If the audit log cannot be read.
        """
        reader = LogReader(self.environment, since, dry_run=self.dry_run, retry_seconds=RETRY_SECONDS)
        rows = reader.read(company).streams
        may_rename = self.may_rename or may_rename_streams(company)
        endings = find_endings(rows, self.only or named_streams(company), may_rename=may_rename)
        changes = {row.stream: row.new_changes for row in rows if row.new_changes}
        return AuditLog(streams=endings, time=find_time(rows), changes=changes)


def find_time(rows: Sequence[StreamRun]) -> TargetTime | None:
    """Return where the time of a run went, as its target has counted; None if its rows do not say."""
    spent = rows[0].spent if rows else {}
    if not spent:
        return None
    return TargetTime(
        source=spent["source"],
        staging=spent["staging"],
        bigquery=spent["BigQuery"],
        ended=max(row.ended for row in rows),
    )


def find_endings(
    rows: Sequence[StreamRun], expected: Iterable[str], *, may_rename: bool = False
) -> Sequence[StreamEnding]:
    """Return how each stream of a run ended.

    Args:
        rows: Its rows of the audit log. Without any, nothing is known of its streams.
        expected: Streams that are among them, even if the run left no row of them.
        may_rename: Whether streams may have other names in the audit log than in the registry.
    """
    endings = [
        StreamEnding(stream=row.stream, ending=find_ending(row), reason=to_line(" ".join(row.error.split())))
        for row in rows
    ]
    is_known = rows and not may_rename
    missing = sorted(set(expected) - {row.stream for row in rows}) if is_known else []
    return [*endings, *(StreamEnding(stream=name, ending=Ending.INCOMPLETE, reason=NO_ROW) for name in missing)]


def find_ending(row: StreamRun) -> Ending:
    """Return how a stream ended. A status that is not known is a failure."""
    if row.is_not_available:
        return Ending.NOT_AVAILABLE
    try:
        return Ending(row.ending)
    except ValueError:
        return Ending.FAILED


def may_rename_streams(company: Company) -> bool:
    """Return whether the registry has stream maps, by which a stream may have another name in the audit log."""
    return "stream_maps" in company.tap or "stream_maps" in company.target


def named_streams(company: Company) -> set[str]:
    """Return the streams that the registry selects by their full names; none if the plugins may rename streams."""
    if may_rename_streams(company):
        return set()
    names = {pattern.partition(".")[0] for pattern in company.streams}
    return {name for name in names if name.isidentifier() and is_selected(name, company.streams)}
