"""Renders the HTML pages of the report. The templates escape every value. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from servicetitan_fleet.formatting import format_age, format_ago
from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.plugin_runtime.plurals import pluralize
from servicetitan_fleet.report.charts import HEIGHT, WIDTH
from servicetitan_fleet.report.commands import suggest_command, suggest_schedule_command
from servicetitan_fleet.report.company_charts import build_charts
from servicetitan_fleet.report.cost import PRICE_PER_TIB, cost, format_cost
from servicetitan_fleet.report.matrix import SIGNS, build_legend, build_matrix, css_class, sort_worst_first
from servicetitan_fleet.report.runs import group_bad_runs, list_runs, next_run
from servicetitan_fleet.report.strip import RUN_CLASSES
from servicetitan_fleet.report.summary import ROWS, Summary, summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus
    from servicetitan_fleet.report.charts import Box
    from servicetitan_fleet.report.runs import BadRuns, Run
    from servicetitan_fleet.state.cloud_run import CloudRunJob


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """How the report was made."""

    now: dt.datetime
    max_age_hours: float
    options: Sequence[str]
    """Options for registry, storage and environment, for the commands that the page suggests."""

    job: CloudRunJob | None = None
    """The Cloud Run Job that runs the fleet; None where there is none."""

    logs: str = ""
    """Where the lines of the runs are kept, if not in Cloud Logging; empty if nobody has said so."""

    every: dt.timedelta = dt.timedelta(hours=6)
    """Time from one execution to the next."""

    price_per_tib: float = PRICE_PER_TIB
    """US dollars for a TiB of queries."""

    refresh_seconds: int = 0
    """After how long a browser loads the page again; 0 for never."""

    def at(self, now: dt.datetime) -> PageContext:
        """Return it for another moment."""
        return replace(self, now=now)

    def logs_of(self, company_id: str, run: Run | None) -> str:
        """Return the address of a company's log lines of a run; empty if it has none."""
        return self.job.logs_link(company_id, run.execution) if self.job and run and run.execution else ""

    def cost_of(self, bytes_billed: int) -> str:
        """Return what bytes cost, as text."""
        return format_cost(cost(bytes_billed, self.price_per_tib))

    def suggest(self, company: CompanyStatus | Summary) -> str:
        """Return the command that helps a company."""
        return suggest_command(company, self.options, self.job)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """When the fleet's next run is expected."""

    at: dt.datetime
    is_late: bool
    """Whether it should have begun more than `LATE` ago."""

    command: str
    """Shows why it has not begun; empty where there is no such command."""


LATE = dt.timedelta(minutes=30)
"""How much later than expected a run may begin: companies wait for their turn."""


MOST_ISSUES = 100
"""Companies of a large fleet whose troubles the overview shows. The others have them on their own pages."""


def render_page(statuses: Sequence[CompanyStatus], context: PageContext) -> str:
    """Render the one page of a small fleet: companies, streams, and the charts of all."""
    companies = sort_worst_first(statuses)
    runs = {company.company.company_id: list_runs(company) for company in companies}
    summaries = [summarize(company, runs[company.company.company_id], has_reasons=True) for company in companies]
    return _TEMPLATES.get_template("page.html.j2").render(
        cards=companies,
        matrix=build_matrix(companies, context.now),
        legend=build_legend(),
        charts={name: build_charts(found, context.price_per_tib) for name, found in runs.items()},
        bad_runs={name: group_bad_runs(found) for name, found in runs.items()},
        runs=runs,
        has_changes=any(run.changes for found in runs.values() for run in found),
        links={name: f"#company-{name}" for name in runs},
        size=(WIDTH, HEIGHT),
        **_head(summaries, context),
    )


def render_company(company: CompanyStatus, runs: Sequence[Run], context: PageContext, overview: str) -> str:
    """Render the page of one company of a large fleet.

    Args:
        company: The company.
        runs: Its last runs, oldest first.
        context: How the report was made.
        overview: Address of the overview.
    """
    return _TEMPLATES.get_template("company.html.j2").render(
        context=context,
        company=company,
        summary=summarize(company, runs, has_reasons=True),
        overview=overview,
        charts=build_charts(runs, context.price_per_tib),
        bad_runs=group_bad_runs(runs),
        runs=runs,
        has_changes=any(run.changes for run in runs),
        size=(WIDTH, HEIGHT),
    )


def render_overview(summaries: Sequence[Summary], context: PageContext, links: Mapping[str, str]) -> str:
    """Render the overview of a large fleet: totals, troubles, and a strip of the last runs of each company.

    Args:
        summaries: The companies.
        context: How the report was made.
        links: The address of each company's page, by its id. One that the registry refuses has none.
    """
    return _TEMPLATES.get_template("overview.html.j2").render(
        links=defaultdict(str, links), **_head(sort_worst_first(summaries), context)
    )


def _head(companies: Sequence[Summary], context: PageContext) -> dict[str, Any]:
    """Return what the page of a small fleet and the overview of a large one have in common."""
    return {
        "context": context,
        "companies": companies,
        "bad": [company for company in companies if not company.freshness.is_good],
        "most_shown": MOST_ISSUES,
        "next_run": _expect_run(companies, context),
        "cost": context.cost_of(sum(company.bytes_billed for company in companies)),
        **_totals(companies),
    }


def _expect_run(companies: Sequence[Summary], context: PageContext) -> NextRun | None:
    """Return when the next run is expected, or None if that is not known, or if companies are running."""
    at = next_run([company.newest for company in companies if company.newest], context.every)
    if at is None or any(company.is_running for company in companies):
        return None
    command = suggest_schedule_command(context.job) if context.job else ""
    return NextRun(at=at, is_late=context.now - at > LATE, command=command)


def _is_said(company: CompanyStatus, group: BadRuns) -> bool:
    """Return whether the reason of runs is said already, as what is wrong with the company or its streams."""
    said = [company.reason, *(issue.reason for issue in company.issues)]
    return not group.newest.reason or any(group.newest.reason in reason for reason in said)


def _totals(companies: Sequence[Summary]) -> dict[str, Any]:
    """Return the totals at the head of a page. Empty states are omitted, except `fresh`."""
    kinds = Counter(company.freshness for company in companies)
    streams: Counter[Freshness] = Counter()
    rows: Counter[str] = Counter()
    for company in companies:
        streams.update(company.streams)
        rows.update(company.rows)
    shown = {
        name: [(state, counts[state]) for state in Freshness if counts[state] or state is Freshness.FRESH]
        for name, counts in (("company_counts", kinds), ("stream_counts", streams))
    }
    return {**shown, "rows": [(name, f"{rows[name]:,}") for name in ROWS]}


def _draw(box: Box) -> Markup:
    """Return a rectangle. A thousand companies have four hundred thousand of them, too many for a template."""
    size = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    return Markup(f'<rect class="{escape(box.kind)}" {size}/>')  # noqa: S704 - numbers, and a text that is escaped


def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "age": format_age,
        "ago": format_ago,
        "css_class": css_class,
        "plural": pluralize,
        "rect": _draw,
    }
    environment.globals |= {"signs": SIGNS, "run_classes": RUN_CLASSES, "is_said": _is_said}
    return environment


_TEMPLATES = _make_environment()
