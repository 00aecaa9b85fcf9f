"""Renders the HTML page of the report. The template escapes every value. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from servicetitan_fleet.formatting import format_age, pluralize
from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.report.charts import HEIGHT, WIDTH
from servicetitan_fleet.report.company_charts import build_charts
from servicetitan_fleet.report.matrix import SIGNS, build_legend, build_matrix, css_class, sort_worst_first

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """How the report was made."""

    now: dt.datetime
    max_age_hours: float
    options: Sequence[str]
    """Options for registry, storage and environment, for the commands that the page suggests."""


def render_page(statuses: Sequence[CompanyStatus], context: PageContext) -> str:
    """Render the page."""
    companies = sort_worst_first(statuses)
    return _TEMPLATES.get_template("page.html.j2").render(
        context=context,
        companies=companies,
        bad=[company for company in companies if not company.freshness.is_good],
        matrix=build_matrix(companies, context.now),
        legend=build_legend(),
        charts={company.company.company_id: build_charts(company) for company in companies},
        company_counts=_count_states([company.freshness for company in companies]),
        stream_counts=_count_states([stream.freshness for company in companies for stream in company.streams]),
        rows=[(name, f"{_sum_rows(companies, f'rows_{name}'):,}") for name in ("read", "written", "deleted")],
        size=(WIDTH, HEIGHT),
    )


def _count_states(states: Sequence[Freshness]) -> list[tuple[Freshness, int]]:
    """Count by state. Empty states are omitted, except `fresh`."""
    counts = [(state, states.count(state)) for state in Freshness]
    return [(state, count) for state, count in counts if count or state is Freshness.FRESH]


def _sum_rows(companies: Sequence[CompanyStatus], name: str) -> int:
    return sum(getattr(stream.last, name) for company in companies for stream in company.streams)


def suggest_command(company: CompanyStatus, options: Sequence[str]) -> str:
    """Return the shell command that an operator should try: `check` if nothing could be read, otherwise `run`."""
    if company.is_refused:
        return shlex.join(["orchestrate-etl", "check", *options])
    verb = "check" if company.freshness is Freshness.UNREADABLE else "run"
    return shlex.join(["orchestrate-etl", verb, "--company", company.company.company_id, *options])


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
