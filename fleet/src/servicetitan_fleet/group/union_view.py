"""The statement of a view over one table of all companies. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicetitan_fleet.bigquery import quote_name
from servicetitan_fleet.group.column_types import column_type, common_type, converted, merged_names
from servicetitan_fleet.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.cloud.bigquery import SchemaField

COMPANY_ID = "company_id"
"""The column that says whose row it is."""

COMPANY_ID_TEXT = "Company that the row belongs to. Keys are only unique together with it: join by both."

OWN_LABEL = {"kept_by": "group-views"}
"""Label of the views that this command made. It touches no others."""

LONGEST_VIEW = 256 * 1024
"""Characters that BigQuery takes as the query of a view (https://cloud.google.com/bigquery/quotas#view_quotas)."""


@dataclass(frozen=True)
class CompanyTable:
    """A table of one company."""

    company_id: str
    name: str
    """Its full name, `project.dataset.table`."""
    fields: Sequence[SchemaField]


@dataclass(frozen=True)
class UnionView:
    """A view over one table of all companies."""

    query: str
    companies: int
    """How many companies have the table."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What the columns say about themselves, by name."""
    notices: Sequence[str] = ()
    """What differs between the companies, a line each."""


def union_view(table: str, sources: Sequence[CompanyTable]) -> UnionView:
    """Return the view over a table.

    Args:
        table: Its name, for notices.
        sources: The table of each company.
    """
    notices: list[str] = []
    named = {source.company_id: {each.name: each for each in source.fields} for source in sources}
    columns = {}
    for name in merged_names(named.values()):
        having = {company: _find(fields, name) for company, fields in named.items()}
        types = {company: column_type(each) for company, each in having.items() if each is not None}
        if name.lower() == COMPANY_ID:
            notices.append(f"{table}.{name}: left out, because the view has a column of that name")
        elif wanted := common_type(types, f"{table}.{name}", notices):
            columns[name] = (wanted, types)
    selects = []
    for source in sources:
        lines = [f"'{source.company_id}' AS {quote_name(COMPANY_ID)}"]
        for name, (wanted, types) in columns.items():
            value = converted(quote_name(name), types.get(source.company_id), wanted)
            lines.append(value if value == quote_name(name) else f"{value} AS {quote_name(name)}")
        selects.append(f"SELECT {', '.join(lines)}\nFROM {quote_name(source.name)}")
    texts = {
        each.name: each.description
        for fields in reversed(named.values())
        for each in fields.values()
        if each.description
    }
    return UnionView(
        "\nUNION ALL\n".join(selects),
        len(sources),
        {COMPANY_ID: COMPANY_ID_TEXT, **{name: text for name, text in texts.items() if name in columns}},
        notices,
    )


def create_statement(name: str, view: UnionView) -> str:
    """Return the statement that makes a view, or makes it anew.

    Args:
        name: Its full name.
        view: The view.
    """
    table = name.rpartition(".")[2]
    text = f"{table} of {pluralize(view.companies, 'company')}, kept up to date by orchestrate-etl group-views"
    labels = ", ".join(f"('{key}', '{value}')" for key, value in OWN_LABEL.items())
    return (
        f"CREATE OR REPLACE VIEW {quote_name(name)}\n"
        f"OPTIONS (description = '{text}', labels = [{labels}])\n"
        f"AS\n{view.query}"
    )


def _find(fields: Mapping[str, SchemaField], name: str) -> SchemaField | None:
    return next((each for known, each in fields.items() if known.lower() == name.lower()), None)
