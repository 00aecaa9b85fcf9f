"""Makes the page from what is known of the companies. Everything that is not of the template is escaped by it. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from servicetitan_fleet.formatting import age, plural
from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.report.charts import HEIGHT, WIDTH
from servicetitan_fleet.report.company_charts import charts_of
from servicetitan_fleet.report.matrix import SIGNS, kind_of, matrix, worst_first

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the page has to say of how it was made."""

    now: dt.datetime
    max_age_hours: float
    places: Sequence[str]
    """Options that name registry, storage and environment, for the commands that the page advises."""


def render(statuses: Sequence[CompanyStatus], setting: Setting) -> str:
    """Return the page."""
    ordered = worst_first(statuses)
    return _TEMPLATES.get_template("page.html.j2").render(
        setting=setting,
        companies=ordered,
        bad=[one for one in ordered if not one.freshness.is_good],
        matrix=matrix(ordered, setting.now),
        charts={one.company.company_id: charts_of(one) for one in ordered},
        company_counts=_counts([one.freshness for one in ordered]),
        stream_counts=_counts([stream.freshness for one in ordered for stream in one.streams]),
        rows=[(name, f"{_total(ordered, f'rows_{name}'):,}") for name in ("read", "written", "deleted")],
        size=(WIDTH, HEIGHT),
    )


def _counts(all_of_them: Sequence[Freshness]) -> list[tuple[Freshness, int]]:
    """Return how many are how; what none is, is left out, save for fresh."""
    counts = [(kind, all_of_them.count(kind)) for kind in Freshness]
    return [(kind, count) for kind, count in counts if count or kind is Freshness.FRESH]


def _total(statuses: Sequence[CompanyStatus], name: str) -> int:
    return sum(getattr(stream.last, name) for one in statuses for stream in one.streams)


def command(company: CompanyStatus, places: Sequence[str]) -> str:
    """Return what to type, for a shell: run the company again, or find out why nothing can be read of it."""
    verb = "check" if company.freshness is Freshness.UNREADABLE else "run"
    return shlex.join(["orchestrate-etl", verb, "--company", company.company.company_id, *places])


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"age": age, "kind": kind_of, "plural": plural, "command": command}
    environment.globals |= {"signs": SIGNS}
    return environment


_TEMPLATES = _environment()
