"""What the report of a large fleet keeps of each company, so that it has room for a thousand of them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import format_duration
from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.report.strip import StripCell, build_strip

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus, Issue
    from servicetitan_fleet.registry.company import Company
    from servicetitan_fleet.report.runs import Run
    from servicetitan_fleet.state.company_record import RunRecord

ROWS = ("read", "written", "deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A company in the overview of a large fleet."""

    company: Company
    freshness: Freshness
    reason: str
    is_running: bool
    is_refused: bool
    last_good: dt.datetime | None
    issues: Sequence[Issue]
    strip: Sequence[StripCell]
    """A cell for each of its last runs, the newest on the right."""

    last: Run | None
    """Its newest run."""

    newest: RunRecord | None
    """The newest run that its record has."""

    bytes_billed: int
    """What BigQuery bills for the runs of the strip."""

    streams: Mapping[Freshness, int]
    """How many of its streams are in each state."""

    rows: Mapping[str, int]
    """The rows of the last runs of its streams, by what was done with them."""

    @property
    def stream_text(self) -> str:
        """Its streams in words: `17 fresh, 2 stale`."""
        return ", ".join(f"{count} {state}" for state, count in self.streams.items())

    @property
    def took_text(self) -> str:
        """How long its newest run took, and what most of that went into: `1 min 24 s, mostly source`."""
        if self.last is None or self.last.seconds is None:
            return ""
        spent = self.last.spent
        mostly = f", mostly {max(spent, key=lambda name: spent[name])}" if spent else ""
        return format_duration(self.last.seconds) + mostly


def summarize(status: CompanyStatus, runs: Sequence[Run], *, has_reasons: bool = False) -> Summary:
    """Return what the overview shows of a company.

    Args:
        status: The company.
        runs: Its last runs, oldest first.
        has_reasons: Whether the strip gives the reasons of bad runs.
    """
    counts = Counter(stream.freshness for stream in status.streams)
    return Summary(
        company=status.company,
        freshness=status.freshness,
        reason=status.reason,
        is_running=status.is_running,
        is_refused=status.is_refused,
        last_good=status.last_good,
        issues=status.issues,
        strip=build_strip(runs, has_reasons=has_reasons),
        last=runs[-1] if runs else None,
        newest=status.runs[-1] if status.runs else None,
        bytes_billed=sum(run.bytes_billed for run in runs),
        streams={state: counts[state] for state in Freshness if counts[state]},
        rows={name: sum(getattr(stream.last, f"rows_{name}") for stream in status.streams) for name in ROWS},
    )
