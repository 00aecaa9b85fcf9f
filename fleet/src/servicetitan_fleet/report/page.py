"""Renders the HTML pages of the report. The templates escape every value. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from servicetitan_fleet.formatting import format_age, pluralize
from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.report.charts import HEIGHT, WIDTH
from servicetitan_fleet.report.commands import suggest_command
from servicetitan_fleet.report.company_charts import build_charts
from servicetitan_fleet.report.matrix import SIGNS, build_legend, build_matrix, css_class, sort_worst_first
from servicetitan_fleet.report.summary import ROWS, RUN_SIGNS, Summary, summarize

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus

T = TypeVar("T", "CompanyStatus", Summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """How the report was made."""

    now: dt.datetime
    max_age_hours: float
    options: Sequence[str]
    """Options for registry, storage and environment, for the commands that the page suggests."""


MOST_ISSUES = 100
"""Companies of a large fleet whose troubles the overview shows. The others have them on their own pages."""


def render_page(statuses: Sequence[CompanyStatus], context: PageContext) -> str:
    """Render the one page of a small fleet: companies, streams, and the charts of all."""
    companies = sort_worst_first(statuses)
    return _TEMPLATES.get_template("page.html.j2").render(
        context=context,
        companies=companies,
        bad=_bad(companies),
        matrix=build_matrix(companies, context.now),
        legend=build_legend(),
        charts={company.company.company_id: build_charts(company) for company in companies},
        size=(WIDTH, HEIGHT),
        **_totals([summarize(company) for company in companies]),
    )


def render_company(company: CompanyStatus, context: PageContext, overview: str) -> str:
    """Render the page of one company of a large fleet.

    Args:
        company: The company.
        context: How the report was made.
        overview: Address of the overview.
    """
    return _TEMPLATES.get_template("company.html.j2").render(
        context=context, company=company, overview=overview, charts=build_charts(company), size=(WIDTH, HEIGHT)
    )


def render_overview(summaries: Sequence[Summary], context: PageContext, links: Mapping[str, str]) -> str:
    """Render the overview of a large fleet: totals, troubles, and a strip of the last runs of each company.

    Args:
        summaries: The companies.
        context: How the report was made.
        links: The address of each company's page, by its id. One that the registry refuses has none.
    """
    companies = sort_worst_first(summaries)
    return _TEMPLATES.get_template("overview.html.j2").render(
        context=context,
        companies=companies,
        bad=_bad(companies),
        links=defaultdict(str, links),
        most_shown=MOST_ISSUES,
        run_signs=RUN_SIGNS,
        **_totals(companies),
    )


def _bad(companies: Sequence[T]) -> list[T]:
    return [company for company in companies if not company.freshness.is_good]


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
        "css_class": css_class,
        "plural": pluralize,
        "suggest_command": suggest_command,
    }
    environment.globals |= {"signs": SIGNS}
    return environment


_TEMPLATES = _make_environment()
